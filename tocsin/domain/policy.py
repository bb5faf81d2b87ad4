"""A tenant's policy as the rest of Tocsin thinks with it: checked, with all defaults filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from tocsin.domain import enrichment, routing


@dataclass(frozen=True, slots=True)
class Integration:
    """One way in which a receiver is told; `key` is "receiver/channel/index" and stays stable."""

    key: str
    channel: str
    #: The channel's own Settings; the domain knows no channel.
    settings: Any
    send_resolved: bool = True


@dataclass(frozen=True, slots=True)
class Receiver:
    """A name in the routing tree and everything that is told when alerts come there."""

    name: str
    integrations: tuple[Integration, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """All of it; an incident reopens if its alerts come back within `reopen_window`."""

    root: routing.Route
    receivers: Mapping[str, Receiver]
    enrichment: tuple[enrichment.Lookup, ...] = ()
    reopen_window: timedelta = timedelta(minutes=5)
