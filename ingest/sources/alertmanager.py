"""The webhook of Alertmanager (version 4), and of whatever speaks it: Grafana, Mimir, vmalert."""

from __future__ import annotations

from datetime import datetime

import msgspec

from ingest.sources import _batch, _fields, _labels, _times
from schemas.alert import Alert, Status

PATHS = ("/webhooks/alertmanager",)


class _Alert(msgspec.Struct, gc=False):
    status: Status
    labels: msgspec.Raw
    annotations: msgspec.Raw = msgspec.Raw(b"{}")
    startsAt: datetime | None = None
    endsAt: datetime | None = None
    generatorURL: str = ""


class _Payload(msgspec.Struct):
    alerts: list[_Alert]
    status: str | None = None


_PAYLOAD = msgspec.json.Decoder(_Payload)


def parse(body: bytes, now: datetime, resolve_timeout: float) -> _batch.Parsed:
    """Alerts say firing or resolved themselves and never expire: the sender resolves them."""
    return _batch.parse(body, lambda text: _quick(text, now), lambda alert: _read(alert, now))


def _quick(body: bytes, now: datetime) -> list[Alert]:
    payload = _PAYLOAD.decode(body)
    posted = payload.alerts
    count = len(posted)
    _batch.trust(body, alerts=1, labels=count, status=count + (payload.status is not None))
    return [
        _batch.finish(
            known,
            _labels.noted(bytes(alert.annotations)),
            _batch.explicit(
                alert.status,
                _times.utc(alert.startsAt, "startsAt"),
                _times.utc(alert.endsAt, "endsAt"),
                now,
            ),
            alert.generatorURL,
        )
        for known, alert in zip(
            _labels.known([bytes(alert.labels) for alert in posted]), posted, strict=True
        )
    ]


def _read(alert: _fields.Tree, now: datetime) -> _batch.Draft:
    starts, ends = _fields.moment(alert, "startsAt"), _fields.moment(alert, "endsAt")
    return _batch.Draft(
        _fields.labels(alert),
        _fields.pairs(alert, "annotations"),
        _batch.explicit(_fields.status(alert), starts, ends, now),
        _fields.text(alert, "generatorURL"),
    )
