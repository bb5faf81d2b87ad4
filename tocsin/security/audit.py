"""The audit chain: SHA-256 over the hash before it and the canonical JSON of the row."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import orjson

from tocsin.storage import audit as stored
from tocsin.storage.record import Transaction


def record(
    tx: Transaction, tenant: int, actor: str, act: str, subject: str, detail: dict[str, Any]
) -> None:
    """Write down an act of a person, a token or the configuration, in the act's own transaction."""
    seq, prev = stored.newest(tx, tenant)
    text = orjson.dumps(detail, option=orjson.OPT_SORT_KEYS).decode()
    row = {"tenant": tenant, "seq": seq + 1, "at": tx.now, "actor": actor, "act": act,
           "subject": subject, "detail": text, "prev": prev}  # fmt: skip
    stored.append(tx, {**row, "hash": link(prev, row)})


def verify(tx: Transaction, tenant: int) -> int | None:
    """The number of the first row that was tampered with, or None when the chain is whole."""
    prev = b""
    for number, row in enumerate(stored.rows(tx, tenant), start=1):
        if row["seq"] != number or row["prev"] != prev or row["hash"] != link(prev, row):
            return number
        prev = row["hash"]
    return None


def link(prev: bytes, row: dict[str, Any]) -> bytes:
    at: datetime = row["at"]
    body = [row["tenant"], row["seq"], at.timestamp(), row["actor"], row["act"], row["subject"],
            row["detail"]]  # fmt: skip
    return hashlib.sha256(prev + orjson.dumps(body)).digest()
