"""Storms as drains and flushes meet them: counted by the one, obeyed by the other.

Storm control fails open: whatever goes wrong with it, alerts are told as without it.
"""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import structlog

from actors import _groups, _line, _runtime
from tocsin import errors, ids
from tocsin.domain import flushing
from tocsin.domain import storms as rules
from tocsin.domain.change import Change
from tocsin.storage import storms, timers
from tocsin.storage.groups import GroupKey
from tocsin.storage.record import Transaction

log = structlog.get_logger(__name__)

if TYPE_CHECKING:
    from actors import _story

Row = dict[str, Any]
Ring = tuple[str, str]
#: Where what a flush folded could not be written, this process obeys no storm for so long.
PAUSE_SECONDS = 60.0


@dataclasses.dataclass
class _Breaker:
    until: float = 0.0

    @property
    def is_open(self) -> bool:
        return time.monotonic() < self.until


breaker = _Breaker()


@contextmanager
def _failing_open(tx: Transaction, what: str) -> Iterator[None]:
    """What goes wrong inside is undone and logged; a lost race or connection is not swallowed."""
    tx.run("SAVEPOINT storms")
    try:
        yield
    except (errors.RecordAway, errors.Again, psycopg.OperationalError):
        raise
    except Exception:
        log.exception("storm control failed, so alerts are told as without it", at=what)
        tx.run("ROLLBACK TO SAVEPOINT storms")
    tx.run("RELEASE SAVEPOINT storms")


def count(load: _line.Load, changes: Iterable[Change]) -> None:
    """Count what is new; begin storms. The last thing in a drain: others wait for the meters."""
    came: dict[int, dict[str, Change]] = {}
    for change in changes:
        policy = load.tenants[change.tenant].policy
        if policy is not None and policy.storms.threshold:
            came.setdefault(change.tenant, {})[change.fingerprint] = change
    if came:
        with _failing_open(load.tx, "count"):
            _count(load, came)


def _count(load: _line.Load, came: Mapping[int, Mapping[str, Change]]) -> None:
    found = storms.lock_meters(load.tx, sorted(came))
    meters, fresh = {}, []
    for tenant, some in came.items():
        policy = load.tenants[tenant].policy
        assert policy is not None
        meters[tenant], begins = rules.rise(
            storms.meter(found[tenant]), policy.storms, [each.effective for each in some.values()],
            load.tx.now, under_way=found[tenant]["under_way"],
        )  # fmt: skip
        if begins:
            fresh.append({"tenant": tenant, "id": ids.new(load.tx.now)})
    storms.write_meters(load.tx, meters)
    begun = storms.begin(load.tx, fresh)
    due = [{"tenant": r["tenant"], "subject": r["id"], "due_at": load.tx.now} for r in begun]
    timers.exactly(load.tx, storms.TIMER, due)
    if begun:
        load.wakes.add("digest")


@dataclasses.dataclass
class Weather:
    """The storms that a flush has to obey, locked, and what is known of its groups in them."""

    rows: dict[int, Row]
    places: dict[GroupKey, Row]

    def keys(self) -> set[tuple[int, uuid.UUID]]:
        """The incidents of the storms."""
        return {(t, row["incident_id"]) for t, row in self.rows.items() if row["incident_id"]}


def hold(tx: Transaction, sheets: Sequence[_groups.Sheet]) -> Weather:
    """Ask for storms. The members were read before: what they count is counted here."""
    found = Weather({}, {})
    tenants = {s.tenant.id for s in sheets if s.tenant.policy and s.tenant.policy.storms.threshold}
    if tenants and not breaker.is_open:
        with _failing_open(tx, "flush"):
            _hold(tx, sorted(tenants), sheets, found)
    return found


def _hold(
    tx: Transaction, tenants: list[int], sheets: Sequence[_groups.Sheet], found: Weather
) -> None:
    rows = {
        tenant: row
        for tenant, row in storms.hold(tx, tenants).items()
        if rules.obeyed(row["due_at"], tx.now)
    }
    keys = [(s.tenant.id, rows[s.tenant.id]["id"], s.row["id"])
            for s in sheets if s.tenant.id in rows]  # fmt: skip
    found.places = storms.places(tx, keys) if keys else {}
    found.rows = rows


def planned(
    group: flushing.Group, plan: Callable[[flushing.Group], flushing.Plan]
) -> flushing.Plan:
    """What the group has to say; as without a storm where that cannot be decided."""
    if group.storm is not None:
        try:
            return plan(group)
        except Exception:
            log.exception("storm control failed, so alerts are told as without it", at="plan")
    return plan(dataclasses.replace(group, storm=None))


def after_flush(
    here: _runtime.Runtime, tx: Transaction, decided: Sequence[_story.Decided], weather: Weather
) -> set[Ring]:
    """Write what was folded and what passed; returns whom to ring after the commit."""
    try:
        woken = _after(tx, decided, weather)
    except (errors.RecordAway, errors.Again, psycopg.OperationalError):
        raise
    except Exception as error:
        if not weather.rows:
            raise
        log.exception("storm control failed, so alerts are told as without it", at="fold")
        breaker.until = time.monotonic() + PAUSE_SECONDS
        raise errors.Again("once more, and without storms") from error
    return {("digest", here.queues["digest"])} if woken else set()


def _after(tx: Transaction, decided: Sequence[_story.Decided], weather: Weather) -> bool:
    items, opened, untold = [], {}, {}
    for d in decided:
        tenant, plan = d.sheet.tenant.id, d.plan
        row = weather.rows.get(tenant)
        if row is None or not (plan.storm or plan.passed):
            continue
        folded = sum(outcome == "folded" for _, outcome, _ in plan.outcomes)
        # What belongs to it is told of, be it new or not.
        folded = max(folded, 1) if plan.storm and plan.act else folded
        items.append({"tenant": tenant, "storm_id": row["id"], "group_id": d.group.id,
                      "alerts": folded, "passed": plan.passed})  # fmt: skip
        if plan.storm and plan.act == "opened" and plan.incident is not None:
            opened[tenant] = {"tenant": tenant, "id": row["id"], "incident_id": plan.incident.id}
        if plan.storm and d.sheet.row["receiver"] not in row["told"]:
            untold[tenant] = {"tenant": tenant, "subject": row["id"], "due_at": tx.now}
    if items:
        storms.count(tx, items)
        storms.opened(tx, list(opened.values()))
        timers.earlier(tx, storms.TIMER, list(untold.values()))
    over = {
        (d.sheet.tenant.id, d.plan.incident.id)
        for d in decided
        if d.plan.act == "resolved" and d.plan.incident and d.scene and d.scene.storm
    }
    storms.wake(tx, sorted(over))
    return bool(untold or over)
