"""Miss: heartbeats whose turn it is to be looked at: one that is not heard of raises an alert.

How a heartbeat is follows from what the record knows of it and from the time, so that looking
twice, or too early, finds the same.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

import orjson

from actors import _runtime, _work
from tocsin.domain import heartbeats as domain
from tocsin.i18n import heartbeats as wording
from tocsin.storage import heartbeats, inbox, timers
from tocsin.storage.record import Transaction

LIMIT = 500
#: Alerts that wait to be read may be pings. Whoever is so far behind says so otherwise.
UNREAD, AGAIN = timedelta(minutes=10), timedelta(seconds=5)


@_work.actor("miss", _runtime.queue_of("miss"))
def miss(queue: str) -> bool:
    """Look at what is due; True where there may be more of it."""
    here = _runtime.here()
    more, told = here.record.again(lambda: _once(here))
    if told:
        here.wake("dedup")
    return more


def _once(here: _runtime.Runtime) -> tuple[bool, bool]:
    with here.record.claims() as tx:
        due = timers.due(tx, heartbeats.TIMER, LIMIT)
        if not due:
            return False, False
        tx.scope({row["tenant"] for row in due})
        tenants = here.tenants(tx, {row["tenant"] for row in due})
        changed = [row for row in due if row["subject"] == heartbeats.POLICY]
        told = _lay(tx, tenants, changed)
        keys = [(row["tenant"], row["subject"].removeprefix(heartbeats.BEAT)) for row in due
                if row not in changed]  # fmt: skip
        told |= _look(tx, tenants, keys)
    return len(due) == LIMIT or bool(changed), told


def _lay(
    tx: Transaction, tenants: dict[int, _runtime.Tenant], changed: list[dict[str, Any]]
) -> bool:
    """Make the heartbeats in the record those of the policies in force."""
    gone = []
    for row in sorted(changed, key=lambda row: row["tenant"]):
        policy = tenants[row["tenant"]].policy
        gone += heartbeats.lay(tx, row["tenant"], policy.heartbeats if policy else ())
        timers.drop(tx, heartbeats.TIMER, [row])
    return heartbeats.end(tx, gone)


def _look(tx: Transaction, tenants: dict[int, _runtime.Tenant], keys: list[heartbeats.Key]) -> bool:
    """True where an alert was raised or ended."""
    rows = heartbeats.lock(tx, keys)
    known = {(row["tenant"], row["name"]) for row in rows}
    deaf, unread = heartbeats.deaf(tx), _unread(tx, tenants, rows)
    alerts, written, again = [], [], []
    over = [{"tenant": tenant, "subject": heartbeats.BEAT + name}
            for tenant, name in set(keys) - known]  # fmt: skip
    for row in rows:
        beat = _in_policy(tenants[row["tenant"]], row["name"])
        found = domain.look(heartbeats.rhythm(row), heartbeats.facts(row), deaf, tx.now)
        first = unread.get((row["tenant"], row["name"]))
        if found.state == "down" and row["told"] is None and first is not None:
            again.append({**heartbeats.subject(row), "due_at": tx.now + AGAIN})
            continue
        said = _say(tenants[row["tenant"]], beat, row, found, tx.now)
        if said is not None:
            alerts.append(said[0])
            written.append(said[1])
        if found.state in ("up", "late") and found.due_at is not None:
            again.append({**heartbeats.subject(row), "due_at": found.due_at})
        else:
            over.append(heartbeats.subject(row))
    heartbeats.write(tx, written)
    inbox.raise_own(tx, alerts)
    timers.exactly(tx, heartbeats.TIMER, again)
    timers.drop(tx, heartbeats.TIMER, over)
    return bool(alerts)


def _in_policy(tenant: _runtime.Tenant, name: str) -> domain.Heartbeat | None:
    listed = tenant.policy.heartbeats if tenant.policy else ()
    return next((each for each in listed if each.name == name), None)


def _unread(
    tx: Transaction, tenants: dict[int, _runtime.Tenant], rows: list[dict[str, Any]]
) -> dict[heartbeats.Key, datetime]:
    """Heartbeats whose pings are alerts, while alerts of their tenant wait to be read."""
    heard: defaultdict[int, list[str]] = defaultdict(list)
    for row in rows:
        beat = _in_policy(tenants[row["tenant"]], row["name"])
        if beat is not None and beat.matchers:
            heard[row["tenant"]].append(row["name"])
    found = heartbeats.unread(tx, sorted(heard), UNREAD) if heard else {}
    return {(tenant, name): at for tenant, at in found.items() for name in heard[tenant]}


def _say(
    tenant: _runtime.Tenant, beat: domain.Heartbeat | None, row: dict[str, Any],
    found: domain.Look, now: datetime,
) -> tuple[tuple[int, dict[str, Any]], dict[str, Any]] | None:  # fmt: skip
    """The alert to raise or to end, and what to note of it; None: there is nothing to say."""
    if found.state == "down" and row["told"] is None and beat is not None and found.cause:
        alert = _alert(tenant, beat, row, found.cause)
        since = domain.last_known(heartbeats.facts(row)) or now
        note = {"down_since": since, "cause": found.cause, "told": orjson.dumps(alert).decode()}
        return (tenant.id, {**alert, "status": "firing"}), {**row, **note}
    if found.state != "down" and (end := heartbeats.over(row)):
        return end, {**row, "down_since": None, "cause": None, "told": None}
    return None


def _alert(
    tenant: _runtime.Tenant, beat: domain.Heartbeat, row: dict[str, Any], cause: domain.Cause
) -> dict[str, Any]:
    locale = tenant.policy.locale if tenant.policy else "en"
    labels = {
        **beat.labels, "alertname": domain.ALERTS[cause], "heartbeat": beat.name,
        "severity": beat.severity,
    }  # fmt: skip
    annotations = {
        "summary": wording.summary(beat.name, cause, row, locale),
        "description": wording.last(row, beat.rhythm, locale),
    }
    return {"labels": labels, "annotations": annotations, "source": "tocsin"}
