"""Scripted providers for the contract of channels: one file per protocol, named by the evidence.

A channel that does not speak HTTP says ``provider: <file>`` in its evidence. The file defines
``Provider`` and ``OUTCOMES``, all the ways of saying no that a channel must understand.
"""

from __future__ import annotations

import json
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tocsin import errors
from tocsin.demo.fakes import server


class Asked(Protocol):
    """What a channel sent: to where, with which headers, and all of its text, decoded.

    Reading ``text`` fails where the message cannot be read as what it says it is.
    """

    @property
    def target(self) -> str: ...
    @property
    def headers(self) -> dict[str, str]: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Outcome:
    """A reply of the provider, and the error that the channel must make of it."""

    name: str
    reply: Any
    kind: type[errors.Retryable] | type[errors.Permanent]
    reason: str
    status: int | None
    in_doubt: bool = False
    #: How many messages have gone over the wire by then.
    asked: int = 1


class Provider(Protocol):
    """Answers as it is told and keeps what it was sent."""

    port: int
    requests: Sequence[Asked]
    #: What a client must trust; None: the usual authorities.
    trust: ssl.SSLContext | None
    #: A reply that means: later.
    trouble: Any

    @property
    def places(self) -> dict[str, str]: ...
    def forget(self) -> None: ...
    def accept(self, accepted: Any) -> None: ...
    def answer(self, reply: Any) -> None: ...
    def misbehave(self, manner: server.Manner) -> None: ...
    async def start(self) -> None: ...
    async def stop(self) -> None: ...


def placed(evidence: dict[str, Any], provider: Provider) -> dict[str, Any]:
    """The settings of the evidence with the provider's own address in place of {base}, {port}."""
    text = json.dumps(evidence["settings"])
    for name, value in provider.places.items():
        text = text.replace(f"{{{name}}}", value)
    settings: dict[str, Any] = json.loads(text)
    return settings
