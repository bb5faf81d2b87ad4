"""What was repeated, on its way to the rules that count: one aggregate for each alert."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import orjson

from tocsin.domain.change import Change, Repeat
from tocsin.storage import alerts, inbox, labels
from tocsin.storage.record import Transaction
from workers import drain


def hand_on(tx: Transaction, stage: str, repeats: list[Repeat]) -> None:
    """Leave them for a stage on another queue."""
    parcels: dict[int, list[list[Any]]] = {}
    for each in repeats:
        parcels.setdefault(each.change.tenant, []).append(
            [each.change.fingerprint, each.times, each.first, each.last]
        )
    inbox.hand_repeats_on(tx, stage, dict(sorted(parcels.items())))


def stored(tx: Transaction, rows: drain.Rows) -> list[Repeat]:
    """Those that inbox rows of a later stage bring along, with their alerts locked."""
    brought = [
        (row["tenant"], *each) for row in rows if row["own"] for each in orjson.loads(row["own"])
    ]
    if not brought:
        return []
    found = alerts.lock_whole(tx, sorted({(tenant, mark) for tenant, mark, *_ in brought}))
    return [
        Repeat(
            of_row(found[tenant, mark]), times,
            datetime.fromisoformat(first), datetime.fromisoformat(last),
        )
        for tenant, mark, times, first, last in brought
        if (tenant, mark) in found
    ]  # fmt: skip


def of_row(row: dict[str, Any]) -> Change:
    """A stored alert as a change that changes nothing."""
    return Change(
        tenant=row["tenant"],
        fingerprint=row["fingerprint"],
        event=0,
        received_at=row["last_seen"],
        kind="repeat",
        status="firing",
        severity=row["severity"],
        labels=orjson.loads(row["labels"]),
        starts_at=row["starts_at"],
        annotations=orjson.loads(row["annotations"]),
        source=row["source"],
        extra=labels.pairs(row["extra"]),
        added=labels.pairs(row["added"]),
        ruled=labels.pairs(row["ruled"]),
    )
