"""What a mapping would make of a document, told in the words of the API and the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schemas import senders
from tocsin.domain import mapping, severity


def preview(source: mapping.Source, document: Any, now: datetime) -> senders.Preview:
    """Reads as the ingest reads. Raises errors.TooLarge for too many alerts."""
    reading = mapping.read(source, document, now)
    return senders.Preview(
        alerts=[_alert(made) for made in reading.alerts],
        rejected=[
            senders.PreviewRejected(index=each.position, field=each.field, reason=each.reason)
            for each in reading.refused
        ],
        skipped=reading.skipped,
    )


def _alert(made: mapping.Made) -> senders.PreviewAlert:
    fields = made._asdict()
    return senders.PreviewAlert(
        index=fields.pop("position"),
        fingerprint=made.fingerprint,
        severity=severity.of(made.labels),
        **fields,
    )
