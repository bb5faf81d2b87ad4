"""Expire: alerts that nobody posted again in time are over."""

from __future__ import annotations

from typing import Any

from actors import _runtime, _work
from tocsin.domain import lifecycle
from tocsin.storage import alerts, events, inbox, timers
from tocsin.storage.record import Transaction

LIMIT = 1000


@_work.actor("expire", _runtime.queue_of("expire"))
def expire(queue: str) -> bool:
    """Resolve what has run out; re-arm the timers of what was posted again meanwhile."""
    here = _runtime.here()
    more = here.record.again(lambda: _once(here))
    if more:
        here.wake("evaluate")
    return more


def _once(here: _runtime.Runtime) -> bool:
    with here.record.claims() as tx:
        due = timers.due(tx, "expire", LIMIT)
        if not due:
            return False
        tx.scope({row["tenant"] for row in due})
        rows = alerts.lock_expiring(tx, sorted((row["tenant"], row["subject"]) for row in due))
        over = [row for row in rows if lifecycle.expired(_known(row), tx.now)]
        gone = {(row["tenant"], row["fingerprint"]) for row in over}
        still = [row for row in rows if (row["tenant"], row["fingerprint"]) not in gone]
        _resolve(tx, here.tenants(tx, {row["tenant"] for row in due}), over)
        _arm(tx, still)
    return bool(rows)


def _resolve(
    tx: Transaction, tenants: dict[int, _runtime.Tenant], over: list[dict[str, Any]]
) -> None:
    changed, happened = [], []
    for row in over:
        verdict = lifecycle.expire(_known(row))
        changed.append({
            "tenant": row["tenant"], "fingerprint": row["fingerprint"], "status": verdict.status,
            "annotations": None, "starts_at": verdict.starts_at, "ends_at": verdict.ends_at,
            "expires_at": verdict.expires_at, "count": 0, "last_seen": row["last_seen"],
        })  # fmt: skip
        happened.append({
            "tenant": row["tenant"], "received_at": tx.now, "fingerprint": row["fingerprint"],
            "kind": "expired", "status": "resolved", "severity": row["severity"],
            "posted": False, "policy_version": tenants[row["tenant"]].version, "outcome": None,
            "cause": None,
        })  # fmt: skip
    alerts.change(tx, changed)
    made = events.insert(tx, happened)
    by_tenant: dict[int, list[int]] = {}
    for id, row in zip(made, over, strict=True):
        by_tenant.setdefault(row["tenant"], []).append(id)
    inbox.hand_on(tx, "evaluate", [(tenant, some, tx.now) for tenant, some in by_tenant.items()])
    timers.drop(tx, "expire", _subjects(over))


def _arm(tx: Transaction, still: list[dict[str, Any]]) -> None:
    live = [row for row in still if row["status"] == "firing" and row["expires_at"] is not None]
    done = [row for row in still if row not in live]
    timers.exactly(
        tx,
        "expire",
        [{**subject, "due_at": row["expires_at"]}
         for subject, row in zip(_subjects(live), live, strict=True)],
    )  # fmt: skip
    timers.drop(tx, "expire", _subjects(done))


def _subjects(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"tenant": row["tenant"], "subject": row["fingerprint"]} for row in rows]


def _known(row: dict[str, Any]) -> lifecycle.Known:
    return lifecycle.Known(row["status"], row["starts_at"], row["ends_at"], row["expires_at"])
