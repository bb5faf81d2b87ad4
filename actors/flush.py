"""Flush: the groups whose time has come decide whom to tell (suppress, then notify)."""

from __future__ import annotations

import time
from datetime import timedelta
from functools import partial
from typing import Any

import structlog

from actors import (
    _groups,
    _incidents,
    _inhibitors,
    _notify,
    _piecemeal,
    _poison,
    _rehouse,
    _runtime,
    _storms,
    _story,
    _work,
)
from tocsin.domain import flushing
from tocsin.storage import groups, inbox, timers
from tocsin.storage.record import Transaction
from workers import turns

log = structlog.get_logger(__name__)

#: Groups of one transaction: of each tenant in turn, so that no tenant waits for a storm.
LIMIT = 20
#: Members of the groups of one transaction at most, at least, and to begin with.
MEMBERS, LEAST, FIRST = 5000, 100, 500

#: Rounds begin no sooner one after the other while they find groups.
BEAT_SECONDS = 0.02

_turns, _pace = turns.Turns(), turns.Pace(LEAST, FIRST)

#: A group whose flush cannot be decided is tried again after this.
PUT_OFF = timedelta(seconds=60)


@_work.actor("flush", _runtime.queue_of("flush"), beat=BEAT_SECONDS)
def flush(queue: str) -> bool:
    """Decide for the groups that are due; True where there may be more of them."""
    here = _runtime.here()
    return _piecemeal.run("flush", LIMIT, partial(_flush, here), partial(_put_off, here))


def _put_off(here: _runtime.Runtime, key: groups.GroupKey, error: Exception) -> None:
    tenant, group = key
    log.error("group cannot be decided", tenant=tenant, group=str(group), error=repr(error)[:300])
    with here.record.session([tenant]) as tx:
        groups.lock(tx, [key])
        item = {"tenant": tenant, "subject": group, "due_at": tx.now + PUT_OFF}
        timers.exactly(tx, "flush", [item])
        summary = "A group of alerts could not be decided; it is tried again every minute"
        inbox.page(tx, tenant, "TocsinFlushFailed", summary, f"group {group}: {error!r}")


def _flush(here: _runtime.Runtime, limit: int, held: list[groups.GroupKey]) -> bool:
    wakes: set[tuple[str, str]] = set()
    began = time.monotonic()
    with _poison.watched(here):
        claimed = here.record.again(lambda: _once(here, limit, held, wakes))
    turns.learn(_turns, _pace, claimed, "members", time.monotonic() - began)
    here.ring(wakes)
    return bool(claimed)


def _once(
    here: _runtime.Runtime, limit: int, held: list[groups.GroupKey], wakes: set[tuple[str, str]]
) -> list[dict[str, Any]]:
    wakes.clear()
    held.clear()
    with here.record.claims() as tx:
        claimed = groups.claim_due(tx, limit, _pace.size(MEMBERS), _turns.heavy)
        held += [(row["tenant"], row["group_id"]) for row in claimed]
        if not held:
            return []
        ids = sorted({tenant for tenant, _ in held})
        tx.scope(ids)
        watch = _poison.Watch(here, tx, "flush")
        sheets = _groups.load(tx, here.tenants(tx, ids), held, watch.begin)
        desk = _incidents.Desk(tx, timedelta(seconds=here.settings.correlation_window_seconds))
        desk.hold(sheets)
        lost = [sheet for sheet in sheets if _has_lost_its_alerts(sheet)]
        for sheet in lost:
            if _rehouse.rehouse(tx, sheet.tenant, sheet.row, sheet.members):
                wakes.add(("enrich", here.queues["enrich"]))
        desk.read(sheets, again=bool(lost))
        going = [sheet for sheet in sheets if sheet not in lost]
        wakes |= _notify.write(here, tx, _decide(tx, ids, going, desk), desk)
        watch.done()
    return claimed


def _has_lost_its_alerts(sheet: _groups.Sheet) -> bool:
    """Its route is gone, or its alerts moved to other groups. One that ended is not active."""
    return sheet.group is None or (not sheet.members and sheet.row["active"])


def _decide(
    tx: Transaction, tenants: list[int], sheets: list[_groups.Sheet], desk: _incidents.Desk
) -> list[_story.Decided]:
    """One after the other: what one group opens, the next may join."""
    silences, inhibited = _groups.silences(tx, tenants), _inhibitors.read(tx, sheets)
    decided = []
    for sheet in sheets:
        if sheet.tenant.policy is None:
            continue
        group = desk.seat(sheet)
        plan = _storms.planned(group, partial(
            flushing.plan,
            silences=silences[sheet.tenant.id],
            now=tx.now,
            reopen_window=sheet.tenant.policy.reopen_window,
            fresh=_notify.fresh_incident(sheet, tx.now),
            updates_in_place=_notify.UPDATES_IN_PLACE,
            target=desk.target(sheet),
            inhibited=inhibited.get(sheet.tenant.id, {}),
        ))  # fmt: skip
        passing = silences[sheet.tenant.id].passing
        decided.append(_story.Decided(sheet, group, plan, desk.apply(sheet, plan), passing))
    return decided
