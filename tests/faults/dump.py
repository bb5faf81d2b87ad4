"""Writes down the whole record at the end of a run, and opens what is sealed."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import msgspec
import psycopg
import zstandard
from psycopg.rows import dict_row

from schemas.alert import Batch
from tests.faults import history
from tests.faults.bench import Bench
from tocsin import errors
from tocsin.security import audit, crypto
from tocsin.storage import tenants
from tocsin.storage.record import Record, Transaction

#: All tables that hold rows themselves or by their partitions.
TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND c.relname <> 'alembic_version' ORDER BY 1
"""
_BATCH = msgspec.msgpack.Decoder(Batch)


def write(bench: Bench) -> None:
    """The tables, what /metrics says, and whether the audit chains are whole."""
    folder = bench.folder / history.DUMP
    folder.mkdir()
    sealer = crypto.from_file(bench.home / "secrets" / "master.key")
    # Connections of before may not have outlived the faults.
    record = Record(bench.supervisor.service_url)
    try:
        with record.admin() as tx:
            for tenant in tenants.listed(tx):
                sealer.load(tx, tenant["id"])
        (bench.folder / history.AUDIT).write_text(_audit(bench, record))
    finally:
        record.close()
    with bench.owner() as connection:
        # One moment for all tables: where the bench did not come to rest they would contradict.
        connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        for (name,) in bench.sql(TABLES):
            _table(connection, sealer, name, folder / f"{name}.jsonl")
        connection.execute("COMMIT")
    (bench.folder / history.METRICS).write_text(_metrics(bench))


def _table(
    connection: psycopg.Connection[Any], sealer: crypto.Sealer, name: str, file: Path
) -> None:
    openers = {column: opener for (table, column), opener in OPENERS.items() if table == name}
    with file.open("w") as out:
        cursor = connection.cursor(row_factory=dict_row)
        for row in cursor.execute(f"SELECT * FROM {name}".encode()):
            for column, opener in openers.items():
                row[column] = _opened(sealer, row, column, opener)
            out.write(json.dumps(row, default=_plain, separators=(",", ":")) + "\n")


def _opened(
    sealer: crypto.Sealer, row: dict[str, Any], column: str, opener: Callable[[bytes], Any]
) -> Any:
    blob = bytes(row[column])
    if not blob:
        return None
    try:
        # All keys were loaded before, so no transaction has to be open all the while.
        return opener(sealer.open(cast(Transaction, None), row["tenant"], blob))
    except (errors.TocsinError, ValueError, zstandard.ZstdError, msgspec.MsgspecError):
        return blob.hex()


def _batch(plain: bytes) -> Any:
    batch = _BATCH.decode(zstandard.decompress(plain))
    return [
        {name: _json(getattr(alert, name)) for name in alert.__struct_fields__}
        for alert in batch.alerts
    ]


def _json(value: Any) -> Any:
    return _plain(value) if isinstance(value, datetime) else value


def _either(plain: bytes) -> Any:
    """A whole batch that killed its worker, or one alert as it was posted."""
    try:
        return _batch(plain)
    except (zstandard.ZstdError, msgspec.MsgspecError):
        return plain.decode("utf-8", "replace")


#: What is sealed, and how it is read once it is opened.
OPENERS: dict[tuple[str, str], Callable[[bytes], Any]] = {
    ("notification", "message"): json.loads,
    ("intake", "body"): _batch,
    ("quarantine", "body"): _either,
}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, uuid.UUID):
        return str(value)
    raise TypeError(f"no way to write {type(value)}")


def _audit(bench: Bench, record: Record) -> str:
    lines = []
    for tenant in bench.tenants:
        with record.session([tenant.id]) as tx:
            wrong = audit.verify(tx, tenant.id)
        lines.append(f"{tenant.slug}: {'whole' if wrong is None else f'broken at row {wrong}'}\n")
    return "".join(lines)


def _metrics(bench: Bench) -> str:
    token = (bench.home / "secrets" / "metrics.token").read_text().strip()
    reply = httpx.get(
        f"{bench.supervisor.options.url}/metrics", timeout=20, trust_env=False,
        headers={"Authorization": f"Bearer {token}"},
    )  # fmt: skip
    reply.raise_for_status()
    return reply.text
