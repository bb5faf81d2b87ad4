"""Our own document, for scripts: one alert, a list, or {"alerts": [...]}."""

from __future__ import annotations

from datetime import datetime

from ingest.sources import _batch, _fields
from ingest.sources._bad import Bad
from schemas.alert import Alert, Status

PATHS = ("/api/v1/alerts",)
#: Words that people expect, and where they go unless something stands there already.
_LABELS = {"title": "alertname", "severity": "severity"}
_ANNOTATIONS = {"message": "summary", "description": "description"}


def parse(body: bytes, now: datetime, resolve_timeout: float) -> _batch.Parsed:
    """An alert fires unless `status` or a past `ends_at` says resolved; a later one expires it."""
    return _batch.parse(body, _quick, lambda alert: _read(alert, now), single=True)


def _quick(body: bytes) -> list[Alert]:
    # Scripts post one alert at a time: a second way of reading would not pay.
    raise Bad("", "always read carefully")


def _read(alert: _fields.Tree, now: datetime) -> _batch.Draft:
    labels, annotations = _fields.pairs(alert, "labels"), _fields.pairs(alert, "annotations")
    for word, name in _LABELS.items():
        labels.setdefault(name, _fields.text(alert, word))
    for word, name in _ANNOTATIONS.items():
        if said := _fields.text(alert, word):
            annotations.setdefault(name, said)
    starts, ends = _fields.moment(alert, "starts_at"), _fields.moment(alert, "ends_at")
    return _batch.Draft(
        _fields.labels({"labels": labels}),
        annotations,
        _batch.explicit(_status(alert, ends, now), starts, ends, now),
        _fields.text(alert, "generator_url"),
    )


def _status(alert: _fields.Tree, ends: datetime | None, now: datetime) -> Status:
    if alert.get("status") is not None:
        return _fields.status(alert)
    return "resolved" if ends and ends <= now else "firing"
