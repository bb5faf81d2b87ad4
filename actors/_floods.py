"""Folding what a tenant floods us with: dedup keeps and counts it, and nothing more is done yet."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Protocol

import orjson

from actors import _batches, _line, _runtime
from tocsin import i18n, ids
from tocsin.domain import floods
from tocsin.storage import folds, inbox, timers
from tocsin.storage.record import Transaction
from workers import drain

#: How often it is looked whether a flood is over.
CHECK = timedelta(seconds=5)
Row = dict[str, Any]


class Event(Protocol):
    """What happened to an alert, as dedup found."""

    arrival: _batches.Arrival


def open_(load: _line.Load, rows: drain.Rows, some: Sequence[Event]) -> dict[int, uuid.UUID]:
    """Fold these events of tenants that are far behind; returns the fold of each such tenant.

    The alerts are locked and stored; the folds are locked from here to the end of the drain.
    """
    backlog = _runtime.here().settings.fold_backlog
    behind = {row["tenant"]: row["behind"] for row in rows}
    tenants: set[int] = {each.arrival.tenant for each in some}
    wanted = [
        tenant for tenant in sorted(tenants)
        if floods.folds(behind[tenant], backlog, under_way=True)
    ]  # fmt: skip
    if not wanted:
        return {}
    found = folds.lock(load.tx, wanted)
    fresh = [
        {"tenant": tenant, "id": ids.new(load.tx.now)} for tenant in wanted
        if tenant not in found and floods.folds(behind[tenant], backlog, under_way=False)
    ]  # fmt: skip
    began = folds.open_(load.tx, fresh)
    if len(began) < len(fresh):
        found |= folds.lock(load.tx, wanted)
    found |= {row["tenant"]: row for row in began}
    told = _note(load.tx, found, some)
    for tenant, fold in told.items():
        load.tallies.add(tenant, "suppressions_processed_total", "folded", value=fold["alerts"])
    if began:
        timers.exactly(load.tx, folds.TIMER, [_timer(row, load) for row in began])
        inbox.raise_own(
            load.tx,
            [(row["tenant"], alarm(load.tenants[row["tenant"]], told[row["tenant"]],
                                   behind=behind[row["tenant"]])) for row in began],
        )  # fmt: skip
        load.wakes.add("dedup")
    return {tenant: row["id"] for tenant, row in found.items()}


def _timer(row: Row, load: _line.Load) -> Row:
    return {"tenant": row["tenant"], "subject": row["id"], "due_at": load.tx.now + CHECK}


def _note(tx: Transaction, found: Mapping[int, Row], some: Sequence[Event]) -> dict[int, Row]:
    """Count the events in their folds; returns these as they are now."""
    now, kept = {}, []
    ordered = sorted(some, key=lambda each: each.arrival.tenant)
    for tenant, group in itertools.groupby(ordered, key=lambda each: each.arrival.tenant):
        if tenant not in found:
            continue
        fold, alerts = found[tenant], [each.arrival.alert for each in group]
        before = [orjson.loads(fold["labels"])] if fold["alerts"] else []
        labels = floods.shared([*before, *(alert.labels for alert in alerts)])
        text = orjson.dumps(labels, option=orjson.OPT_SORT_KEYS).decode()
        now[tenant] = {**fold, "alerts": len(alerts), "labels": text}
        kept += [
            {"tenant": tenant, "fold_id": fold["id"], "fingerprint": mark, "times": times}
            for mark, times in Counter(alert.fingerprint for alert in alerts).items()
        ]
    folds.count(tx, list(now.values()))
    folds.keep(tx, kept)
    return now


def alarm(
    tenant: _runtime.Tenant, fold: Row, *, behind: int = 0, firing: int | None = None
) -> dict[str, Any]:
    """The alert about a fold: it fires with how much is waiting, and ends with what became of it.

    `firing` is how many of the folded alerts still fire; None: the flood goes on.
    """
    locale = tenant.policy.locale if tenant.policy else i18n.FALLBACK
    pairs = ", ".join(f"{name}={value}" for name, value in orjson.loads(fold["labels"]).items())
    if firing is None:
        summary = i18n.say("flood.began", locale, count=behind)
    else:
        summary = i18n.say("flood.ended", locale, count=fold["alerts"], firing=firing)
    shared = i18n.say("flood.shared", locale, labels=pairs[:300])
    description = shared if pairs else i18n.say("flood.nothing_shared", locale)
    return {
        "labels": {"alertname": floods.FLOOD, "severity": "critical", "job": "tocsin"},
        "annotations": {"summary": summary, "description": description},
        "status": "firing" if firing is None else "resolved",
    }
