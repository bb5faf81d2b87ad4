"""The webhook of Grafana's own alerting: like Alertmanager's, with links and measured values.

Where the tenant has the secret `grafana-signing`, only what is signed with it is taken.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any

from ingest import means
from ingest.sources import _batch, _careful, _fields
from ingest.sources._bad import Bad
from schemas.alert import Alert
from tocsin import errors
from tocsin.security import signatures

PATHS = ("/webhooks/grafana",)
#: A signed timestamp may be so far from our clock. Seconds.
TOLERANCE = 300
_HEADER = signatures.GRAFANA_HEADER.lower().encode()
_TIMESTAMP = signatures.GRAFANA_TIMESTAMP.lower().encode()
#: What stands beside labels and annotations, and the annotation that it becomes.
_LINKS = {
    "dashboardURL": "dashboard_url",
    "panelURL": "panel_url",
    "silenceURL": "grafana_silence_url",
    "imageURL": "image_url",
}
_VALUES = 32
#: What the button "Test" of a contact point posts. Nothing ever resolves it, so it expires.
_TEST = {"alertname": "TestAlert", "instance": "Grafana"}


async def admit(call: means.Call, body: bytes) -> means.Parse:
    """Raises Forbidden where a signature is asked and does not fit."""
    secret = await call.means.secret(call.slug, signatures.GRAFANA_SECRET)
    if secret is not None:
        _check(secret, call, body)
    return parse


def parse(body: bytes, now: datetime, resolve_timeout: float) -> _batch.Parsed:
    """Alerts say firing or resolved themselves and never expire: Grafana resolves them."""
    timeout = timedelta(seconds=resolve_timeout)
    return _batch.parse(body, _quick, lambda alert: _read(alert, now, timeout))


def _check(secret: str, call: means.Call, body: bytes) -> None:
    given = call.headers.get(_HEADER, b"").strip().decode("latin-1").lower()
    stamp = call.headers.get(_TIMESTAMP)
    timestamp = None if stamp is None else stamp.strip().decode("latin-1")
    if timestamp is not None:
        fresh = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12
        if not fresh or abs(call.now.timestamp() - int(timestamp)) > TOLERANCE:
            raise errors.Forbidden("the signed time is too far from ours: check the clocks")
    wanted = signatures.grafana(secret, body, timestamp)
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise errors.Forbidden(
            f"the signature in {signatures.GRAFANA_HEADER} is missing or does not fit: enter the"
            " secret of this tenant as HMAC secret of the contact point"
        )


def _quick(body: bytes) -> list[Alert]:
    # Grafana posts few alerts at a time: a second way of reading would not pay.
    raise Bad("", "always read carefully")


def _read(alert: _fields.Tree, now: datetime, timeout: timedelta) -> _batch.Draft:
    annotations = _fields.pairs(alert, "annotations")
    for name, becomes in _LINKS.items():
        if (url := _fields.text(alert, name)) and _fields.is_link(url):
            annotations.setdefault(becomes, url)
    # `values` is an object of numbers, or null; the same is told as text in `valueString`.
    if measured := _fields.text(alert, "valueString"):
        annotations.setdefault("value_string", measured)
    for name, number in _values(alert.get("values")):
        annotations.setdefault(f"value_{name}", number)
    starts, ends = _fields.moment(alert, "startsAt"), _fields.moment(alert, "endsAt")
    labels = _fields.labels(alert)
    if ends is None and _TEST.items() <= labels.items():
        ends = now + timeout
    return _batch.Draft(
        labels,
        annotations,
        _batch.explicit(_fields.status(alert), starts, ends, now),
        _fields.text(alert, "generatorURL"),
    )


def _values(found: Any) -> list[tuple[str, str]]:
    """The measured numbers by their names; what is no number is left out, for it is only extra."""
    if not isinstance(found, dict):
        return []
    numbers = [
        (name, value.text)
        for name, value in found.items()
        if isinstance(value, _careful.Number) and name.isprintable()
    ]
    return numbers[:_VALUES]
