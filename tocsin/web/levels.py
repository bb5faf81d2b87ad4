"""The clocks of an incident for people: how they stand, and how it will likely end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from schemas import incident as schema
from schemas import parts
from tocsin import i18n
from tocsin.domain import calendars
from tocsin.domain import service_levels as domain
from tocsin.storage import service_levels
from tocsin.storage.record import Transaction
from tocsin.web import in_force

#: Older incidents say little of how things go today.
PAST = timedelta(days=90)


def of(tx: Transaction, tenant: int, incident: dict[str, Any]) -> list[schema.LevelItem]:
    """The clocks that are kept for an incident; none where nothing is promised."""
    rows = service_levels.of(tx, [(tenant, incident["id"])])
    policy = in_force.policy(tx, tenant) if rows else None
    targets = {each.name: each for each in policy.service_levels} if policy else {}
    return [
        _item(tx, row, target, incident["severity"])
        for row in rows
        if (target := targets.get(row["target"])) is not None and row["clock"] in target.within
    ]


def _item(
    tx: Transaction, row: dict[str, Any], target: domain.Target, severity: str
) -> schema.LevelItem:
    clock: domain.Clock = row["clock"]
    state = _state(row, target, tx.now)
    said = _said(row, target, clock, state)
    likely = None
    if state in ("running", "paused"):
        past = service_levels.past(tx, row["tenant"], severity, clock, tx.now - PAST)
        found = domain.outlook(target, clock, past)
        likely, said = found.likely, f"{said} {_likely(found)}"
    return schema.LevelItem(
        clock=clock, level=target.name, within_seconds=target.within[clock].total_seconds(),
        state=state, started_at=row["started_at"], due_at=row["due_at"],
        stopped_at=row["stopped_at"], breached_at=row["breached_at"], likely=likely, sentence=said,
    )  # fmt: skip


def _state(row: dict[str, Any], target: domain.Target, now: datetime) -> Any:
    due = row["due_at"]
    # The actor may not have looked yet: what is over is over.
    if row["breached_at"] is not None or (due is not None and due <= now):
        return "missed"
    if row["stopped_at"] is not None:
        return "kept"
    if due is None:
        return "endless"
    return "running" if calendars.runs(target.calendar, now) else "paused"


def _said(row: dict[str, Any], target: domain.Target, clock: domain.Clock, state: str) -> str:
    return i18n.say(
        f"level.is_{state}", clock=i18n.say(f"level.clock_{clock}"), level=target.name,
        within=parts.say_duration(target.within[clock]), due=_moment(row["due_at"]),
        missed=_moment(row["breached_at"] or row["due_at"]),
    )  # fmt: skip


def _likely(found: domain.Outlook) -> str:
    values = {"p50": _span(found.p50), "p90": _span(found.p90)}
    return i18n.say(f"level.likely_{found.likely.replace(' ', '_')}", n=found.of, **values)


def _span(found: timedelta | None) -> str:
    return parts.say_duration(timedelta(seconds=round(found.total_seconds()))) if found else ""


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""
