"""The reconciler: looks for what should not be, and makes the row that is missing.

It sends nothing and decides nothing: what it makes due is done by whom it belongs to. What it finds
must be found twice, some seconds apart, for work may be in flight; and it is looked at once more
under its lock. In a healthy installation it never has anything to do, so it says so when it had.
"""

from __future__ import annotations

import time
from typing import Any

import orjson
import psycopg
import structlog

from scheduler import watch_tenant
from tocsin import errors, i18n
from tocsin.config.settings import Settings
from tocsin.storage import inbox, stuck, timelines
from tocsin.storage.record import Record, Transaction
from tocsin.storage.tallies import Tallies
from workers import enqueue

log = structlog.get_logger(__name__)

EVERY_SECONDS = 15.0
#: Of each kind at one look; of unexplained events, as many as it walks over.
LIMIT = 100
WALKED = 5000
#: What was mended is left alone for so long: if that was no cure, a second time is none.
PATIENCE_SECONDS = 600.0
ALERTNAME = "TocsinRepaired"
COUNTER = "reconciler_repairs_total"


class Reconciler:
    """The loop of the clock that looks; it remembers what it saw the last time."""

    def __init__(
        self, record: Record, bell: enqueue.Bell, stages: dict[str, str], chosen: Settings
    ) -> None:
        self._record, self._bell, self._stages, self._chosen = record, bell, stages, chosen
        self._seen: set[stuck.Stuck] = set()
        self._place = stuck.START
        #: Events that this walk, and the one before it, found.
        self._walked: tuple[set[stuck.Stuck], set[stuck.Stuck]] = (set(), set())
        self._mended: dict[stuck.Stuck, float] = {}

    def look(self) -> None:
        """Look once; mend what was stuck the last time as well."""
        with self._record.claims() as tx:
            found = set(stuck.find(tx, LIMIT))
            walked, following = stuck.walk(tx, self._place, WALKED)
        before = self._seen | self._walked[1]
        self._seen = found
        here = self._walked[0] | set(walked)
        self._walked = (set(), here) if following is None else (here, self._walked[1])
        self._place = following or stuck.START
        for each in sorted((found | set(walked)) & before, key=repr):
            if self._is_new(each):
                self._try(each)

    def _is_new(self, each: stuck.Stuck) -> bool:
        now = time.monotonic()
        self._mended = {k: at for k, at in self._mended.items() if now - at < PATIENCE_SECONDS}
        return each not in self._mended

    def _try(self, each: stuck.Stuck) -> None:
        """One that cannot be mended keeps no other waiting."""
        try:
            self._record.again(lambda: self._mend(each))
        except (errors.RecordAway, psycopg.OperationalError):
            raise
        except Exception:
            log.exception("cannot be repaired", what=each.what, subject=each.subject)
        self._mended[each] = time.monotonic()

    def _mend(self, each: stuck.Stuck) -> None:
        with self._record.claims() as tx:
            watch = watch_tenant.find(tx, self._chosen.watch_tenant)
            of = sorted({id for id in (each.tenant, watch) if id is not None})
            names = stuck.slugs(tx, of)
            tx.scope(of)
            if not stuck.mend(tx, each):
                return
            log.warning("repaired", what=each.what, tenant=each.tenant, subject=each.subject)
            _tell(tx, each, of, names)
        if of:
            self._bell.ring("dedup", self._stages["dedup"])


def _tell(tx: Transaction, each: stuck.Stuck, of: list[int], names: dict[int, str]) -> None:
    """Count it, tell it in the story of the incident, and raise an alert where it matters."""
    counted = each.tenant if each.tenant is not None else next(iter(of), None)
    if counted is None:
        return
    tallies = Tallies()
    tallies.add(counted, COUNTER, each.what)
    tallies.write(tx)
    said = i18n.say(f"watch.stuck_{each.what}")
    if each.tenant is not None and each.incident is not None:
        detail = orjson.dumps({"what": each.what, "note": said}).decode()
        timelines.tell(tx, [{"tenant": each.tenant, "incident_id": each.incident, "actor": "tocsin",
                             "kind": "repaired", "detail": detail}])  # fmt: skip
    inbox.raise_own(tx, [(tenant, _alert(tenant, each, said, names)) for tenant in of])


def _alert(
    tenant: int, each: stuck.Stuck, said: str, names: dict[int, str]
) -> dict[str, Any]:  # fmt: skip
    """In its own tenant it says what; in that of the watch, whose as well."""
    labels = {"alertname": ALERTNAME, "severity": "warning", "job": "tocsin", "what": each.what}
    if each.tenant is not None and tenant != each.tenant:
        labels["tenant"] = names[each.tenant]
    annotations = {"summary": i18n.say("watch.repaired"), "description": f"{said} ({each.subject})"}
    return {"labels": labels, "annotations": annotations}
