"""Inhibition in the record: which alerts are sources, and what inhibits the members of groups.

The drain writes the sources of its batch in its own transaction, so whatever flushes later sees
them, also after a restart. A flush shares locks on what it obeys; who takes a source away waits for
it and then finds the groups that it held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from actors import _groups, _line, _runtime
from tocsin.domain import inhibition
from tocsin.domain.change import Change
from tocsin.storage import inhibitors, labels, timers
from tocsin.storage.record import Transaction

Row = dict[str, Any]


def note(load: _line.Load, changes: Iterable[Change]) -> None:
    """Keep the sources up to date with these changes; their alerts' groups are locked already."""
    last = {
        (change.tenant, change.fingerprint): change
        for change in changes
        if (policy := load.tenants[change.tenant].policy) and policy.inhibit_rules
    }
    if not last:
        return
    wanted: dict[tuple[Any, ...], Row] = {}
    for (tenant, mark), change in last.items():
        if change.status == "firing" and not change.dropped:
            rows = _rows(load.tenants[tenant], mark, change.effective)
            wanted.update((_key(row), row) for row in rows)
    gone = _write(load.tx, wanted, inhibitors.of(load.tx, list(last)))
    if gone:
        load.wakes.add("unmute")


def _write(tx: Transaction, wanted: dict[tuple[Any, ...], Row], stored: list[Row]) -> list[Row]:
    known = {_key(row): row for row in stored}
    gone = [row for key, row in known.items() if key not in wanted]
    inhibitors.remove(tx, gone)
    inhibitors.add(tx, [row for key, row in wanted.items() if key not in known])
    marks = {(row["tenant"], row["fingerprint"]) for row in gone}
    timers.earlier(
        tx, inhibitors.TIMER,
        [{"tenant": tenant, "subject": mark, "due_at": tx.now} for tenant, mark in sorted(marks)],
    )  # fmt: skip
    return gone


def _rows(tenant: _runtime.Tenant, mark: str, called: dict[str, str]) -> list[Row]:
    rules = tenant.policy.inhibit_rules if tenant.policy else ()
    return [
        {"tenant": tenant.id, "fingerprint": mark, **source._asdict()}
        for source in inhibition.sources(rules, called)
    ]


def _key(row: Row) -> tuple[Any, ...]:
    return row["tenant"], row["rule"], row["equals"], row["fingerprint"], row["two_sided"]


def read(tx: Transaction, sheets: Iterable[_groups.Sheet]) -> inhibitors.Holds:
    """What inhibits members of these groups now, asked once for all of them."""
    return of_alerts(tx, (
        (sheet.tenant, member.fingerprint, member.labels)
        for sheet in sheets if sheet.group for member in sheet.group.members
    ))  # fmt: skip


def of_alerts(
    tx: Transaction, some: Iterable[tuple[_runtime.Tenant, str, Mapping[str, str]]]
) -> inhibitors.Holds:
    """What inhibits alerts (tenant, fingerprint, labels) now."""
    return inhibitors.holds(tx, (
        inhibitors.Target(
            tenant.id, tenant.policy.inhibit_rules if tenant.policy else (), mark, called
        )
        for tenant, mark, called in some
    ))  # fmt: skip


def anew(tx: Transaction, tenant: _runtime.Tenant, after: str, limit: int) -> str | None:
    """Hold a page of the alerts that fire against the rules; where to go on, None: it is done."""
    rules = tenant.policy.inhibit_rules if tenant.policy else ()
    if not after:
        inhibitors.retire(tx, tenant.id, [rule.id for rule in rules])
    if not rules:
        return None
    page = inhibitors.firing_alerts(tx, tenant.id, after, limit)
    rows = [row for alert in page
            for row in _rows(tenant, alert["fingerprint"], labels.of(alert))]  # fmt: skip
    inhibitors.add(tx, rows)
    return page[-1]["fingerprint"] if len(page) == limit else None
