"""Ways to reach people: one file per channel, found by folder, all spoken to in the same words.

A channel is one file ``channels/<name>.py`` that defines

``class Settings(channels.ChannelSettings)``
    The entry under a receiver of the policy. A secret never stands in it: it has a pair of fields
    ``<x>_file: channels.SecretFile = None`` and ``<x>_env: channels.SecretEnv = None``.
``LIMITS: channels.Limits``
    How much one destination takes, for all processes together.
``CAPABILITIES: channels.Capabilities``
    What the provider can do, as data: nobody asks for a channel by its name.
``destination(settings) -> str``
    Where it goes, for people, limits and lines; two places never share one, no secret shows.
``send(message, settings, call) -> channels.Receipt``
    One attempt, in a worker thread. Nothing but ``Retryable`` and ``Permanent`` leaves it.

Evidence, which ``tests/contracts/test_channels.py`` asks for:
``tests/contracts/channels/<name>.yml`` with ``settings`` (``{base}`` stands for the address of a
scripted provider on the loopback), ``secrets`` and ``accepted`` (the reply, as JSON, that means
yes). The contract then runs unasked.
Files that begin with an underscore are no channels.
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, cast

import httpx
from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas import message
from tocsin import errors, plugins

#: The name of a file below <secrets_dir>/<tenant>/.
SecretFile = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None
#: NAME stands for the environment variable TOCSIN_SECRET_<TENANT>__<NAME>.
SecretEnv = (
    Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$", max_length=80)] | None
)

_SECRET_BYTES = 64 * 1024
_TENANT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TELLTALE = ("xox", "whsec_", "SG.", "Bearer ", "http:", "https:")


class ChannelSettings(BaseModel):
    """What a policy says about one destination; the base of every channel's ``Settings``."""

    # A validation error is shown to people and logged: it must not repeat what was put in.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    #: Secrets without which the channel cannot work.
    REQUIRED: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def secrets(cls) -> tuple[str, ...]:
        """The names x for which there are fields ``x_file`` and ``x_env``."""
        fields = cls.model_fields
        names = (name.removesuffix("_file") for name in fields if name.endswith("_file"))
        return tuple(name for name in names if f"{name}_env" in fields)

    @model_validator(mode="before")
    @classmethod
    def _never_inline(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for name in cls.secrets():
            if name in data and name not in cls.model_fields:
                raise ValueError(
                    f"{name} is a secret and may not stand in the policy itself. Write it into a"
                    f" file and give the file's name as {name}_file, or use {name}_env."
                )
            given = str(data.get(f"{name}_file") or data.get(f"{name}_env") or "")
            if given.startswith(_TELLTALE):
                raise ValueError(
                    f"{name}_file and {name}_env take the name of the secret, but this looks like"
                    " the secret itself."
                )
        return data

    @model_validator(mode="after")
    def _one_place(self) -> ChannelSettings:
        for name in self.secrets():
            places = (getattr(self, f"{name}_file"), getattr(self, f"{name}_env"))
            if all(places):
                raise ValueError(f"give either {name}_file or {name}_env, not both")
            if name in self.REQUIRED and not any(places):
                raise ValueError(f"give {name}_file or {name}_env")
        return self


@dataclass(frozen=True)
class Limits:
    """The default rate for one destination: messages per second, and how many at once."""

    per_second: float
    burst: int


@dataclass(frozen=True)
class Capabilities:
    """What a provider can do.

    ``update_in_place``: an earlier message can be changed, so that acknowledgements are told too.
    ``idempotent``: the provider or the receiver knows a repeated key and shows it once.
    ``threads``: changes are told below the first message.
    """

    update_in_place: bool = False
    idempotent: bool = False
    threads: bool = False


@dataclass(frozen=True)
class Call:
    """One attempt to send.

    ``key`` was made with the delivery and is the same on every attempt. ``ref`` is the ``ref`` of
    the receipt of the last message of this line; or {"doubt": key} where that message may or may
    not have arrived under that key and was given up for this one. ``may_repeat`` is True where an
    earlier attempt of this same delivery was in doubt. ``now`` is the time of the record, not of
    this machine.
    """

    key: str
    secrets: Mapping[str, str] = field(repr=False)
    http: httpx.Client = field(repr=False)
    now: datetime
    ref: dict[str, str] | None = None
    attempt: int = 1
    may_repeat: bool = False
    locale: str = "en"


@dataclass(frozen=True)
class Receipt:
    """The provider has it. ``ref`` is kept for the next message of the line (None: keep none)."""

    ref: dict[str, str] | None
    provider_id: str


class Channel(Protocol):
    """A module of this package; see the top of this file."""

    Settings: type[ChannelSettings]
    LIMITS: Limits
    CAPABILITIES: Capabilities

    def destination(self, settings: Any) -> str: ...

    def send(self, message: message.Message, settings: Any, call: Call) -> Receipt: ...


def resolve_secrets(
    settings: ChannelSettings,
    tenant: str,
    secrets_dir: Path | None,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Read the secrets that ``settings`` names, from places that belong to ``tenant`` alone.

    Raises ``Permanent`` (configError) that says what to do where one is not there.
    """
    found = {}
    for name in settings.secrets():
        if file := getattr(settings, f"{name}_file"):
            found[name] = _from_file(f"{name}_file", file, tenant, secrets_dir)
        elif variable := getattr(settings, f"{name}_env"):
            found[name] = _from_environment(f"{name}_env", variable, tenant, environ)
    return found


def _from_file(option: str, name: str, tenant: str, secrets_dir: Path | None) -> str:
    if secrets_dir is None:
        raise _missing(f"{option}: {name} needs a folder of secrets. Set TOCSIN_SECRETS_DIR.")
    if not _TENANT.fullmatch(tenant):
        raise _missing(f"{option} cannot be used by a tenant with this name.")
    folder = secrets_dir.resolve() / tenant
    # Kubernetes mounts secrets as symbolic links, so links are followed - but never out.
    path = (folder / name).resolve()
    if Path(name).name != name or not path.is_relative_to(folder):
        raise _missing(f"{option}: {name} is not a file of this tenant.")
    try:
        with path.open("rb") as file:
            value = file.read(_SECRET_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError):
        value = ""
    if not value:
        raise _missing(
            f"{option}: {name} could not be read. Write the secret, as text, into {tenant}/{name}"
            " below TOCSIN_SECRETS_DIR, readable for the user that runs Tocsin."
        )
    return value


def _from_environment(option: str, name: str, tenant: str, environ: Mapping[str, str]) -> str:
    # Two underscores between the two names, and none inside of a tenant's: with one, the secret
    # c of tenant a-b would be the secret b-c of tenant a.
    if not _TENANT.fullmatch(tenant):
        raise _missing(f"{option} cannot be used by a tenant with this name.")
    variable = f"TOCSIN_SECRET_{tenant}__{name}".upper().replace("-", "_")
    value = environ.get(variable, "").strip()
    if not value:
        raise _missing(f"{option}: {name} is not set. Set {variable} where Tocsin is started.")
    return value


def _missing(text: str) -> errors.Permanent:
    return errors.Permanent(text, reason="configError")


@functools.cache
def http_client(egress_allow: str) -> httpx.Client:
    """The guarded client of this process; ``egress_allow`` as in the setting of that name."""
    from channels import _addresses, _egress

    return _egress.client(_addresses.networks(egress_allow))


def settings_models() -> dict[str, type[BaseModel]]:
    """The settings model of each channel, for whoever validates a policy."""
    return {name: channel.Settings for name, channel in REGISTRY.items()}


# Last, because the channels import this module for the words above.
REGISTRY = cast(
    "dict[str, Channel]",
    plugins.load(
        "channels", required=("Settings", "LIMITS", "CAPABILITIES", "destination", "send")
    ),
)
