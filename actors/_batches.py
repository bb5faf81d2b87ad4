"""From inbox rows back to the alerts that were accepted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import msgspec
import zstandard

from actors import _runtime
from schemas.alert import Alert, Batch, Status
from tocsin.domain import fingerprint, severity
from tocsin.storage import intake
from tocsin.storage.record import Transaction
from workers.drain import Rows

_decoder = msgspec.msgpack.Decoder(Batch)
#: No batch may unfold to more than this; the ingest bounds bodies to 10 MB.
MAX_BATCH = 64 * 1024 * 1024


class Own(msgspec.Struct):
    """An alert that Tocsin raised about itself, or that one of the tenant's rules raised."""

    labels: dict[str, str]
    annotations: dict[str, str]
    status: Status = "firing"
    source: str = "tocsin"
    starts_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """One alert of one accepted batch. `posted` is False for Tocsin's own.

    `fades`: the policy says when it is over, for its sender does not.
    """

    tenant: int
    received_at: datetime
    source: str
    alert: Alert
    posted: bool = True
    fades: bool = False


def arrivals(tx: Transaction, rows: Rows) -> Iterator[Arrival]:
    """All alerts of these rows in the order in which they were accepted."""
    wanted = [row["intake_id"] for row in rows if row["intake_id"] is not None]
    since = min(row["received_at"] for row in rows)
    bodies = intake.bodies(tx, wanted, since) if wanted else {}
    for row in rows:
        if row["intake_id"] is None:
            yield _own(row["tenant"], row["received_at"], row["own"])
            continue
        kept = bodies[row["intake_id"]]
        batch = _opened(tx, row["tenant"], kept["body"])
        for alert in batch.alerts:
            yield Arrival(row["tenant"], kept["received_at"], batch.source, alert)


def _opened(tx: Transaction, tenant: int, body: bytes) -> Batch:
    plain = _runtime.here().sealer.open(tx, tenant, body)
    return _decoder.decode(
        zstandard.ZstdDecompressor().decompress(plain, max_output_size=MAX_BATCH)
    )


def _own(tenant: int, received_at: datetime, text: str) -> Arrival:
    own = msgspec.json.decode(text, type=Own)
    alert = Alert(
        fingerprint=fingerprint.fingerprint(own.labels),
        status=own.status,
        labels=own.labels,
        annotations=own.annotations,
        severity=severity.of(own.labels),
        starts_at=own.starts_at or (received_at if own.status == "firing" else None),
    )
    return Arrival(tenant, received_at, own.source, alert, posted=False)
