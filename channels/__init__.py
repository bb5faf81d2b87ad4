"""Ways to reach people: one file per channel, found by folder, all spoken to in the same words.

A channel is one file ``channels/<name>.py`` that defines

``class Settings(channels.ChannelSettings)``
    The entry under a receiver of the policy. A secret never stands in it: it has a pair of fields
    ``<x>_file: channels.SecretFile = None`` and ``<x>_env: channels.SecretEnv = None``.
``LIMITS: channels.Limits``
    How much one destination takes, for all processes together.
``CAPABILITIES: channels.Capabilities``
    What the provider can do, as data: nobody asks for a channel by its name.
``PARTS: Mapping[str, channels.Form]``
    What a template of the tenant may write, and how values are made harmless in it: "line" (one
    line of text), "text", "html", "mrkdwn" (Slack), "json". ``call.texts`` holds what the templates
    made; a part that is not there, the channel composes itself.
``destination(settings) -> str``
    Where it goes, for people, limits and lines; two places never share one, no secret shows.
``send(message, settings, call) -> channels.Receipt``
    One attempt, in a worker thread. Nothing but ``Retryable`` and ``Permanent`` leaves it.

A channel may also define

``own_words(message, locale) -> Mapping[str, str]``
    What it says by itself for the parts of PARTS, for previews of templates.

A channel whose provider also talks to us (buttons, replies, receipts) defines beside it

``receive(post, settings, secrets, now) -> heard.Received``
    Verifies the signature of what came to ``/t/<tenant>/callbacks/<channel>/<kind>`` and says what
    it means; see ``schemas/heard.py``. Raises ``NotAuthenticated`` for what the provider did not
    sign with these secrets.

Evidence, which ``tests/contracts/test_channels.py`` asks for:
``tests/contracts/channels/<name>.yml`` with ``settings`` (``{base}`` stands for the address of a
scripted provider on the loopback), ``secrets`` and ``accepted`` (the reply, as JSON, that means
yes). The contract then runs unasked. A channel that sends nothing says ``provider: nobody``.
Files that begin with an underscore are no channels.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal, Protocol, cast

import httpx
from pydantic import BaseModel

from schemas import heard, message
from tocsin import plugins
from tocsin.egress import credentials, sockets

SecretFile = credentials.SecretFile
SecretEnv = credentials.SecretEnv


@dataclass(frozen=True)
class Contact:
    """Which address of a person (a field of ``people.Person``) goes into which of the settings."""

    kind: Literal["phone", "email", "slack", "webhook"]
    field: str


class ChannelSettings(credentials.WithSecrets):
    """What a policy says about one destination; the base of every channel's ``Settings``."""

    #: Those of the channel; set where the channels are loaded.
    PARTS: ClassVar[Mapping[str, str]] = {}
    #: How it can tell a person; None: it cannot.
    CONTACT: ClassVar[Contact | None] = None


#: How values are made harmless inside of a part that a template writes.
Form = Literal["line", "text", "html", "mrkdwn", "json"]


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
    this machine. ``texts`` are the parts that templates of the tenant wrote (see PARTS). ``dial``
    opens connections for protocols that are not HTTP. ``callback_url`` is where this channel's
    provider may talk to us, without the kind; ``refused`` are the addresses of this channel that
    asked for silence. ``whole``: ``texts`` are all that is said, nothing is put around them.
    """

    key: str
    secrets: Mapping[str, str] = field(repr=False)
    http: httpx.Client = field(repr=False)
    now: datetime
    ref: dict[str, str] | None = None
    attempt: int = 1
    may_repeat: bool = False
    locale: str = "en"
    texts: Mapping[str, str] = field(default_factory=dict)
    dial: sockets.Dialer = field(default_factory=sockets.Dialer, repr=False)
    callback_url: str = ""
    refused: frozenset[str] = frozenset()
    whole: bool = False


@dataclass(frozen=True)
class Receipt:
    """The provider has it. ``ref`` is kept for the next message of the line (None: keep none).

    ``note`` is for the record: a sentence where it was sent, but not to all of those addressed.
    """

    ref: dict[str, str] | None
    provider_id: str
    note: str = ""


class Receiving(Protocol):
    """The ``receive`` of a channel whose provider talks to us."""

    def __call__(
        self, post: heard.Post, settings: Any, secrets: Mapping[str, str], now: datetime
    ) -> heard.Received: ...


class Channel(Protocol):
    """A module of this package; see the top of this file."""

    Settings: type[ChannelSettings]
    LIMITS: Limits
    CAPABILITIES: Capabilities
    PARTS: Mapping[str, Form]

    def destination(self, settings: Any) -> str: ...

    def send(self, message: message.Message, settings: Any, call: Call) -> Receipt: ...


resolve_secrets = credentials.resolve


def receiver(channel: str) -> Receiving | None:
    """What hears the provider of this channel, where it has something to say."""
    return cast("Receiving | None", getattr(REGISTRY.get(channel), "receive", None))


@functools.cache
def http_client(egress_allow: str) -> httpx.Client:
    """The guarded client of this process; ``egress_allow`` as in the setting of that name."""
    from tocsin.egress import addresses, guard

    return guard.client(addresses.networks(egress_allow))


@functools.cache
def dialer(egress_allow: str) -> sockets.Dialer:
    """The guarded way out of this process for what is not HTTP."""
    from tocsin.egress import addresses

    return sockets.Dialer(addresses.networks(egress_allow))


def settings_models() -> dict[str, type[BaseModel]]:
    """The settings model of each channel, with its PARTS, for whoever validates a policy."""
    return {name: channel.Settings for name, channel in REGISTRY.items()}


def own_words(channel: str, message: message.Message, locale: str) -> dict[str, str]:
    """What the channel says without a template, part by part; empty where it cannot tell."""
    composed = getattr(REGISTRY[channel], "own_words", None)
    return dict(composed(message, locale)) if composed else {}


def parts() -> dict[str, Mapping[str, Form]]:
    """What templates may write, by channel."""
    return {name: channel.PARTS for name, channel in REGISTRY.items()}


# Last, because the channels import this module for the words above.
REGISTRY = cast(
    "dict[str, Channel]",
    plugins.load(
        "channels",
        required=("Settings", "LIMITS", "CAPABILITIES", "PARTS", "destination", "send"),
    ),
)
# A policy is read below the channels, which it knows by these models alone.
for _channel in REGISTRY.values():
    _channel.Settings.PARTS = _channel.PARTS
