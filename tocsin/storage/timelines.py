"""The story of an incident, a row an act."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from tocsin.storage.record import Transaction


def tell(tx: Transaction, items: Sequence[dict[str, Any]]) -> None:
    """Append {tenant, incident_id, kind, actor, detail}; `detail` is JSON text."""
    tx.many(
        "INSERT INTO timeline (tenant, incident_id, at, kind, actor, detail)"
        " SELECT tenant, incident_id, %(now)s, kind, actor, detail"
        " FROM json_to_recordset(%(items)s) AS r"
        " (tenant bigint, incident_id uuid, kind text, actor text, detail text)",
        items,
        {"now": tx.now},
    )


def note_of(tx: Transaction, incident: dict[str, Any], kind: str) -> str:
    """What was said with the newest act of this kind; empty where nothing was."""
    row = tx.row(
        "SELECT detail FROM timeline WHERE tenant = %s AND incident_id = %s AND kind = %s"
        " ORDER BY id DESC LIMIT 1",
        [incident["tenant"], incident["id"], kind],
    )
    return str(orjson.loads(row["detail"]).get("note", "")) if row else ""
