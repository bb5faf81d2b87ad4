"""The synthetic alert: each minute one of our own goes the whole way, from the ingest to a receipt.

Its tenant has a policy of its own, made once. Two clocks post one alert: its row is the claim, and
what is posted twice is a repeat.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import msgspec
import structlog
import zstandard

from scheduler import watch_tenant
from schemas.alert import Alert, Batch
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.domain import fingerprint, severity
from tocsin.security import crypto
from tocsin.storage import intake, synthetic
from tocsin.storage.record import Record
from workers import enqueue

log = structlog.get_logger(__name__)

ALERTNAME = "TocsinSynthetic"
#: It ends by itself after this, so that its incident does.
LASTS = timedelta(minutes=1)
#: What it leaves in the record is removed after this.
KEPT = timedelta(hours=1)
PRUNE_EVERY = timedelta(minutes=5)
#: One that was begun by a clock that died is posted by another after this.
TAKE_OVER = timedelta(seconds=5)
POST_SECONDS = 5.0
#: Where the tenant cannot be used, it is tried again after so many seconds.
LATER = 15.0
ANNOTATIONS = {"summary": "Tocsin watches itself: nothing to do"}
#: The ingest's own name for what comes by Alertmanager's address, and ours for the record.
BY_HTTP, BY_RECORD = "prometheus", "watch"


class Shot(NamedTuple):
    """One synthetic alert."""

    row: Mapping[str, Any]
    labels: dict[str, str]


class Synthetic:
    """The loop of the clock that posts and sees whether what it posted arrived."""

    def __init__(
        self, record: Record, bell: enqueue.Bell, stages: dict[str, str], chosen: Settings
    ) -> None:
        self._record, self._bell, self._stages, self._chosen = record, bell, stages, chosen
        self._addresses = addresses(chosen)
        self._home: watch_tenant.Home | None = None
        self._sealer: crypto.Sealer | None = None
        self._posted: int | None = None
        self._pruned = -1

    def look(self) -> float | None:
        """Note what arrived, and post where it is time."""
        try:
            self._settle()
        except errors.SetupError as error:
            log.error("no synthetic alert is posted", error=error.message)
            return LATER
        shot = self._record.again(self._begin)
        if shot is not None and self._post(shot):
            self._posted = shot.row["id"]
        return None

    def _settle(self) -> None:
        if self._home is None:
            self._sealer = crypto.from_file(self._chosen.master_key_file)
            self._home = watch_tenant.settle(self._record, self._sealer, self._chosen.watch_tenant)

    def _begin(self) -> Shot | None:
        """The alert of this period, if it is to be posted now."""
        assert self._home is not None
        tenant = self._home.tenant
        with self._record.session([tenant]) as tx:
            synthetic.note_arrivals(tx, tenant)
            id = int(tx.now.timestamp() // self._chosen.watch_seconds)
            if (turn := int(tx.now.timestamp() // PRUNE_EVERY.total_seconds())) != self._pruned:
                synthetic.prune(tx, tenant, tx.now - KEPT)
                self._pruned = turn
            labels = {"alertname": ALERTNAME, "severity": "critical", "job": "tocsin",
                      "shot": str(id)}  # fmt: skip
            row = synthetic.begin(tx, {
                "tenant": tenant, "id": id, "fingerprint": fingerprint.fingerprint(labels),
                "source": BY_HTTP if self._addresses else BY_RECORD,
            })  # fmt: skip
            if row is None:
                row = synthetic.get(tx, tenant, id)
                if row is None or row["arrived_at"] or id == self._posted:
                    return None
                if tx.now - row["posted_at"] < TAKE_OVER and self._posted is not None:
                    return None
        return Shot(row, labels)

    def _post(self, shot: Shot) -> bool:
        """By the way that everybody's alerts come where that is known, else into the record."""
        if not self._addresses:
            self._append(shot)
            return True
        for address in self._addresses:
            try:
                self._over_http(address, shot)
            except httpx.HTTPError as error:
                # It is tried again until its minute is over.
                log.warning("synthetic alert not accepted", error=repr(error)[:300])
            else:
                return True
        return False

    def _over_http(self, address: str, shot: Shot) -> None:
        assert self._home is not None
        began = shot.row["posted_at"]
        alert = {"labels": shot.labels, "annotations": ANNOTATIONS, "startsAt": began.isoformat(),
                 "endsAt": (began + LASTS).isoformat()}  # fmt: skip
        # No proxy of the environment stands between a host and itself.
        with httpx.Client(trust_env=False, timeout=POST_SECONDS) as client:
            client.post(
                f"{address}/t/{self._home.slug}/api/v2/alerts", json=[alert],
                headers={"Authorization": f"Bearer {self._home.token}"},
            ).raise_for_status()  # fmt: skip

    def _append(self, shot: Shot) -> None:
        assert self._home is not None
        assert self._sealer is not None
        tenant, began = self._home.tenant, shot.row["posted_at"]
        alert = Alert(
            shot.row["fingerprint"], "firing", shot.labels, ANNOTATIONS,
            severity.of(shot.labels), began, began + LASTS,
        )  # fmt: skip
        packed = msgspec.msgpack.encode(Batch(BY_RECORD, [alert]))
        body = self._sealer.seal(tenant, zstandard.compress(packed, 1))
        with self._record.session([tenant]) as tx:
            intake.append_now(tx, intake.Accepted(tenant, BY_RECORD, 1, True, body))
        self._bell.ring(intake.FIRST, self._stages[intake.FIRST])


def addresses(chosen: Settings) -> list[str]:
    """Where alerts are accepted, as far as this process was told: the ingest, then the web."""
    if chosen.watch_url:
        return [chosen.watch_url.rstrip("/")]
    host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(chosen.host, chosen.host)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return [f"http://{host}:{port}" for port in (chosen.ingest_port, chosen.port) if port]
