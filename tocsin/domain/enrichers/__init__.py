"""Ways to learn more about an alert: one file per enricher, found by folder, all of them pure.

An enricher is one file ``tocsin/domain/enrichers/<name>.py`` that defines

``class Settings(enrichers.EnricherSettings)``
    What stands under its name in a step of ``enrichment.steps``. Everything that can be wrong with
    it raises ValueError here, when the policy is applied: an alert is never the first to find out.
``prepare(settings, world) -> Enricher``
    Called once for each version of a policy. What it returns is called with each alert that fires,
    inside of a drain: it takes a ``Known``, which it must not change, and returns a ``Given``. No
    I/O, no clock, bounded time. What it raises costs the alert this one step and nothing else.

An enricher that must ask somebody returns an ``Ask`` instead and is a ``Source``: the actor
``lookup`` asks, on a queue of its own, and gives the reply to ``read``. Until then the alert goes
on without, and its messages say so.

Evidence, which ``tests/contracts/test_enrichers.py`` asks for:
``tests/contracts/enrichers/<name>.yml`` with ``settings``, ``known`` and ``given`` (for a source
also ``ask`` and ``reply``). The contract then runs unasked.
Files that begin with an underscore are no enrichers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Protocol, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import WithJsonSchema

from schemas.parts import Label
from tocsin import plugins
from tocsin.domain import service_map

#: Names that one step may give, of labels and of facts each.
MAX_NAMES = 64


class EnricherSettings(BaseModel):
    """The base of every enricher's ``Settings``."""

    # A validation error is shown to people and logged: it must not repeat what was put in.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    def identity(self) -> str:
        """What makes this step another one: with another identity all is asked anew."""
        return self.model_dump_json(by_alias=True)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an alert so far; ``labels`` and ``facts`` as the steps before left them."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    severity: str = "none"
    source: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Given:
    """What a step has to say: labels, which routes and groups see, and facts for the reader."""

    labels: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ask:
    """What must be asked first; equal asks of one step share an answer."""

    url: str
    body: str = ""

    @property
    def key(self) -> str:
        return hashlib.sha256(f"{self.url}\n{self.body}".encode()).hexdigest()[:32]


class Enricher(Protocol):
    """What ``prepare`` returns."""

    def __call__(self, known: Known, /) -> Given | Ask: ...


class Source(Protocol):
    """What ``prepare`` returns where somebody must be asked."""

    settings: Any

    def __call__(self, known: Known, /) -> Given | Ask: ...

    def read(self, body: bytes) -> Given:
        """What a reply says; an empty one says nothing. Raises ValueError if it is no answer."""
        ...


@dataclass(frozen=True, slots=True)
class World:
    """What a policy knows beside its steps."""

    services: service_map.ServiceMap = field(default_factory=service_map.ServiceMap)


def _mapped(value: object) -> object:
    """A list of names is short for a mapping of each name to itself."""
    if isinstance(value, list):
        if not all(isinstance(name, str) for name in value):
            raise ValueError("write a list of names, or a mapping of each name to its source")
        return {name: name for name in value}
    return value


def _of_people(name: str) -> str:
    if name.startswith("_"):
        raise ValueError("names of facts that begin with _ are Tocsin's own: choose another")
    return name


Fact = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_of_people)]
_NAMES = {
    "anyOf": [
        {"type": "array", "items": {"type": "string"}, "maxItems": MAX_NAMES},
        {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": MAX_NAMES},
    ]
}
#: Labels, or facts, and where each is taken from; a list where both have the same name.
Labels = Annotated[
    dict[Label, str],
    Field(max_length=MAX_NAMES), BeforeValidator(_mapped), WithJsonSchema(_NAMES),
]  # fmt: skip
Facts = Annotated[
    dict[Fact, str],
    Field(max_length=MAX_NAMES), BeforeValidator(_mapped), WithJsonSchema(_NAMES),
]  # fmt: skip


class Plugin(Protocol):
    """A module of this package; see the top of this file."""

    Settings: type[EnricherSettings]

    def prepare(self, settings: Any, world: World) -> Enricher: ...


def settings_models() -> dict[str, type[BaseModel]]:
    """The settings model of each enricher, for whoever validates a policy."""
    return {name: enricher.Settings for name, enricher in REGISTRY.items()}


# Last, because the enrichers import this module for the words above.
REGISTRY = cast(
    "dict[str, Plugin]", plugins.load("tocsin.domain.enrichers", required=("Settings", "prepare"))
)
