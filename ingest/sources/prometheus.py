"""Alertmanager's own API, version 2: what Prometheus, amtool and vmalert post."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from ingest import answers
from ingest.sources import _batch, _fields, _labels, _times
from ingest.sources._bad import Bad
from schemas.alert import Alert
from tocsin import errors

PATHS = ("/api/v2/alerts",)
#: As many different reasons stand in an answer; the rest is in the quarantine.
_REASONS = 10


class _Alert(msgspec.Struct, gc=False):
    labels: msgspec.Raw
    annotations: msgspec.Raw = msgspec.Raw(b"{}")
    startsAt: datetime | None = None
    endsAt: datetime | None = None
    generatorURL: str = ""


_ALERTS = msgspec.json.Decoder(list[_Alert])


def parse(body: bytes, now: datetime, resolve_timeout: float) -> _batch.Parsed:
    """An alert is resolved once its `endsAt` has passed; without one it expires."""
    timeout = timedelta(seconds=resolve_timeout)
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"{":
        raise _batch.not_alerts("a JSON array of alerts was expected")
    return _batch.parse(
        body, lambda text: _quick(text, now, timeout), lambda alert: _read(alert, now, timeout)
    )


def accepted(parsed: _batch.Parsed) -> answers.Answer:
    """An empty 200; with bad alerts 400 and a bare string, as the original says it."""
    if not parsed.rejected:
        return answers.EMPTY
    reasons = list(dict.fromkeys(_reason(each.field, each.reason) for each in parsed.rejected))
    return answers.document(400, "; ".join(reasons[:_REASONS]))


def refused(error: errors.TocsinError) -> answers.Answer:
    """Errors of the whole request in the shape of the original."""
    return answers.document(error.status, {"code": error.status, "message": error.message})


def _reason(field: str, reason: str) -> str:
    return reason if not field or reason in (_fields.NO_LABELS, _ORDER) else f"{field} {reason}"


_ORDER = "start time must be before end time"


def _quick(body: bytes, now: datetime, timeout: timedelta) -> list[Alert]:
    posted = _ALERTS.decode(body)
    ending = sum(alert.endsAt is not None for alert in posted)
    _batch.trust(body, labels=len(posted), endsAt=ending)
    return [
        _batch.finish(
            known,
            _labels.noted(bytes(alert.annotations)),
            _said(
                _times.utc(alert.startsAt, "startsAt"), _times.utc(alert.endsAt, "endsAt"),
                now, timeout,
            ),
            alert.generatorURL,
        )
        for known, alert in zip(
            _labels.known([bytes(alert.labels) for alert in posted]), posted, strict=True
        )
    ]  # fmt: skip


def _read(alert: _fields.Tree, now: datetime, timeout: timedelta) -> _batch.Draft:
    starts, ends = _fields.moment(alert, "startsAt"), _fields.moment(alert, "endsAt")
    return _batch.Draft(
        _fields.labels(alert),
        _fields.pairs(alert, "annotations"),
        _said(starts, ends, now, timeout),
        _fields.text(alert, "generatorURL"),
    )


def _said(
    starts: datetime | None, ends: datetime | None, now: datetime, timeout: timedelta
) -> _batch.Said:
    if starts and ends and starts > ends:
        raise Bad("endsAt", _ORDER)
    starts = _times.start(starts, now)
    if ends is None:
        return _batch.Said("firing", starts, now + timeout, open_ended=True)
    if ends <= now:
        return _batch.Said("resolved", starts, ends)
    return _batch.Said("firing", starts, ends if ends < _times.FAR else None)
