"""Heartbeats as pages show them: what needs somebody first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from fastapi import Request

from schemas.pings import HeartbeatItem
from tocsin.security import tokens
from tocsin.storage.record import Transaction
from tocsin.web import heartbeats
from tocsin.web.dashboard import _render

ORDER = ("down", "late", "new", "paused", "up")
#: The class of the pill, the icon, and the edge of the card.
LOOKS = {
    "down": ("bad", "critical", "critical"), "late": ("warn", "clock", "warning"),
    "new": ("none", "info", "none"), "paused": ("none", "hold", "none"),
    "up": ("good", "check", "good"),
}  # fmt: skip


def listed(request: Request, tx: Transaction, caller: tokens.Caller) -> list[HeartbeatItem]:
    """All of the tenant's, the worst first."""
    settings, locale = request.app.state.settings, _render.locale(request)
    found = heartbeats.items(tx, caller, settings, locale)
    return sorted(found, key=lambda each: (ORDER.index(each.state), each.name))


def counted(found: Sequence[HeartbeatItem]) -> dict[str, int]:
    """How many are how; those states left out in which none is."""
    number: Counter[str] = Counter(each.state for each in found)
    return {state: number[state] for state in ORDER if number[state]}
