"""Turns what a source read into what the record keeps: packed, compressed and sealed."""

from __future__ import annotations

import threading

import msgspec
import zstandard

from ingest.flusher import Entry
from schemas.alert import Alert, Batch, Rejected
from tocsin.security.crypto import Sealer
from tocsin.storage import intake, keys
from tocsin.storage.record import AsyncRecord

_PACKER = msgspec.msgpack.Encoder()
#: A compressor may serve one thread at a time; large requests are packed in threads.
_own = threading.local()


def entry(
    sealer: Sealer,
    tenant: int,
    source: str,
    alerts: list[Alert],
    rejected: list[Rejected],
    traceparent: str | None,
) -> Entry:
    """The sealer must be ready for the tenant."""
    accepted = None
    if alerts:
        packed = _compress(_PACKER.encode(Batch(source, alerts)))
        urgent = any(alert.severity == "critical" for alert in alerts)
        accepted = intake.Accepted(
            tenant, source, len(alerts), urgent, sealer.seal(tenant, packed), traceparent
        )
    refused = [
        intake.Refused(tenant, source, each.field, each.reason, sealer.seal(tenant, each.raw))
        for each in rejected
    ]
    return Entry(tenant, accepted, refused)


async def fetch_keys(record: AsyncRecord, sealer: Sealer, tenant: int) -> None:
    """Make the sealer ready for a tenant that was not here before."""
    async with record.session([tenant]) as conn:
        rows = await (await conn.execute(keys.LOOKUP, [tenant])).fetchall()
        if not rows:
            # Another process may do the same now: whoever is first, all read the same key.
            await conn.execute(keys.ADD_FIRST, [tenant, sealer.fresh(tenant)])
            rows = await (await conn.execute(keys.LOOKUP, [tenant])).fetchall()
    sealer.learn(tenant, [(row["id"], bytes(row["wrapped"])) for row in rows])


def _compress(data: bytes) -> bytes:
    compressor: zstandard.ZstdCompressor | None = getattr(_own, "compressor", None)
    if compressor is None:
        compressor = _own.compressor = zstandard.ZstdCompressor(level=1)
    return compressor.compress(data)
