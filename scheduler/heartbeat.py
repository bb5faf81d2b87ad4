"""The heartbeat: tells somebody outside that Tocsin works, while the synthetic alert arrives.

Who hears nothing any more knows that Tocsin does not work, whatever it says of itself. Each beat
belongs to an alert that arrived since the last beat: from the moment at which the engine stands
still there is none to tell of.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any
from urllib import parse

import httpx
import orjson
import structlog

from scheduler import watch_tenant
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.egress import addresses, exchange, guard
from tocsin.storage import synthetic
from tocsin.storage.record import Record

log = structlog.get_logger(__name__)

#: An alert that was posted longer ago proves nothing about now, even if nobody heard of it yet.
FRESH = timedelta(seconds=60)
SECONDS = 10.0
#: Who could not be reached is tried again after so many seconds.
AGAIN = 5.0
#: Who speaks Alertmanager's language gets an alert; all others are asked by GET.
ALERTMANAGER = "/api/v2/alerts"


class Heartbeat:
    """The loop of the clock that beats."""

    def __init__(self, record: Record, chosen: Settings) -> None:
        self._record, self._chosen = record, chosen
        self._told: int | None = None
        self._beaten = float("-inf")

    def look(self) -> float | None:
        """Beat if an alert has arrived since the last time, and it is time."""
        chosen = self._chosen
        if time.monotonic() - self._beaten < chosen.heartbeat_seconds - chosen.watch_seconds / 2:
            return None
        with self._record.claims() as tx:
            tenant = watch_tenant.find(tx, chosen.watch_tenant)
            if tenant is None:
                return None
            tx.scope([tenant])
            row, now = synthetic.newest_arrived(tx, [tenant]), tx.now
        if row is None or row["id"] == self._told or now - row["posted_at"] > FRESH:
            return None
        if not self._beat(row, now):
            return AGAIN
        self._told, self._beaten = row["id"], time.monotonic()
        return None

    def _beat(self, row: dict[str, Any], now: datetime) -> bool:
        allow, url = addresses.networks(self._chosen.egress_allow), self._chosen.heartbeat_url
        try:
            # Once a minute: a client of its own, so that no connection grows stale.
            with guard.client(allow) as http:
                _send(http, url, row, now, self._chosen)
        except errors.TocsinError as error:
            # The address is a secret; these say no more than the host.
            log.warning("heartbeat not heard", error=error.message)
            return False
        return True


def _send(
    http: httpx.Client, url: str, row: dict[str, Any], now: datetime, chosen: Settings
) -> None:
    if parse.urlsplit(url).path.endswith(ALERTMANAGER):
        headers = {"content-type": "application/json"}
        exchange.post(http, url, _alert(row, now, chosen), headers, now=now)
    else:
        exchange.ask(http, url, None, {}, now=now, seconds=SECONDS)


def _alert(row: dict[str, Any], now: datetime, chosen: Settings) -> bytes:
    """Fires as long as it is posted again in time."""
    labels = {"alertname": "TocsinAlive", "severity": "none", "job": "tocsin",
              "instance": chosen.public_url}  # fmt: skip
    ends = now + timedelta(seconds=2 * chosen.heartbeat_seconds)
    return orjson.dumps([{"labels": labels, "annotations": {}, "startsAt": row["posted_at"],
                          "endsAt": ends}])  # fmt: skip
