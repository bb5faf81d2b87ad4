"""The policy document of a tenant as people write it: who is told of which alerts, and when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model
from pydantic.json_schema import WithJsonSchema

GROUP_WAIT = timedelta(seconds=30)
GROUP_INTERVAL = timedelta(minutes=5)
REPEAT_INTERVAL = timedelta(hours=4)
REOPEN = timedelta(minutes=5)

#: Stands in `group_by` for all labels.
ALL_LABELS = "..."

_LONGEST = timedelta(days=3650)
_DURATION = re.compile(
    r"(?:(\d{1,6})y)?(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,7})h)?"
    r"(?:(\d{1,8})m)?(?:(\d{1,9})s)?(?:(\d{1,12})ms)?",
    re.ASCII,
)
_UNITS = (
    timedelta(days=365),
    timedelta(weeks=1),
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(minutes=1),
    timedelta(seconds=1),
    timedelta(milliseconds=1),
)


def parse_duration(text: object) -> timedelta:
    """Read a duration as Prometheus writes it, such as `30s` or `1h30m`; a day has 24 hours.

    Raises ValueError that says what is wrong.
    """
    if isinstance(text, timedelta):
        return text
    if text in (0, "0") and not isinstance(text, bool):
        return timedelta(0)
    if isinstance(text, int | float):
        raise ValueError(f"the duration {text} has no unit: write {text}s, {text}m or {text}h")
    found = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if not found:
        raise ValueError(
            "not a duration: write it like 30s, 5m, 1h30m, 2d or 1w, largest unit first"
        )
    parts = zip(found.groups(default="0"), _UNITS, strict=True)
    total = sum((int(count) * unit for count, unit in parts), timedelta(0))
    if total > _LONGEST:
        raise ValueError("the duration is longer than ten years")
    return total


def _some(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("must be longer than 0s")
    return duration


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^0$|^(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$",
            "examples": ["30s", "5m", "1h30m", "2d"],
        }
    ),
]
Label = Annotated[str, Field(min_length=1, max_length=1024)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Written(BaseModel):
    """A part of the document: nothing may stand there that is not foreseen."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Route(Written):
    """A node of the routing tree; what it leaves out it inherits from its parent."""

    receiver: Name | None = Field(None, description="Who is told. Left out at the top: nobody.")
    matchers: list[str] = Field([], description='Conditions such as severity="critical"; all hold.')
    continue_: bool = Field(
        False, alias="continue", description="Ask the siblings that follow as well."
    )
    group_by: list[Label] | None = Field(
        None, description="Labels that keep alerts apart into groups; `...` means all of them."
    )
    group_wait: Duration | None = Field(None, description="Wait before a new group first speaks.")
    group_interval: Duration | None = Field(None, description="Wait between two tellings of news.")
    repeat_interval: Annotated[Duration, AfterValidator(_some)] | None = Field(
        None, description="Wait before the same is told again."
    )
    routes: list[Route] = Field([], description="Children, asked in this order.")


class Lookup(Written):
    """A row of the enrichment table."""

    matchers: list[str] = Field([], description="The alerts that it is for; none: all.")
    set: dict[Label, str] = Field(description="What it adds, such as runbook and owner.")


class Enrichment(Written):
    """What is added to alerts."""

    table: list[Lookup] = Field([], description="For each key the first row that matches decides.")


class Incidents(Written):
    """How incidents behave."""

    reopen: Duration = Field(
        REOPEN, description="An incident whose alerts come back this soon is opened again."
    )


class Receiver(Written):
    """Somebody to tell; beside the name a list of integrations under the name of each channel."""

    name: Name


class Document(Written):
    """The whole policy of a tenant."""

    route: Route
    receivers: list[Receiver] = []
    enrichment: Enrichment = Enrichment()
    incidents: Incidents = Incidents()


def document(channels: Mapping[str, type[BaseModel]]) -> type[Document]:
    """The model of a document in which receivers may use these channels (name -> its settings)."""
    fields: dict[str, Any] = {}
    for channel, settings in channels.items():
        # A name of its own: a channel called "json" must not hide a method of the model.
        fields[f"{channel.replace('-', '_')}_entries"] = (
            list[_entry(channel, settings)],  # type: ignore[misc]
            Field([], alias=channel, description=(settings.__doc__ or "").strip().split("\n")[0]),
        )
    receiver = create_model("Receiver", __base__=Receiver, **fields)
    return create_model("Policy", __base__=Document, receivers=(list[receiver], []))


def _entry(channel: str, settings: type[BaseModel]) -> type[BaseModel]:
    """The settings of a channel with the option that every integration has beside them."""
    option = (bool, Field(True, description="Tell it also when alerts are over."))
    return create_model(
        f"{channel.title().replace('-', '')}Integration",
        __base__=settings,
        __cls_kwargs__={"extra": "forbid", "frozen": True},
        send_resolved=option,
    )
