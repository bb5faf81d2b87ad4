"""A scheduled report as a policy has it, with all that sending it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from schemas.reporting import ScheduledReport


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who gets a report; `settings` are those of the channel, with the address in them."""

    address: str
    channel: str
    #: The channel's own Settings; the domain knows no channel.
    settings: Any


@dataclass(frozen=True, slots=True)
class Report:
    """One series of reports."""

    name: str
    written: ScheduledReport
    recipients: tuple[Recipient, ...] = ()
