"""Timers that end the process which takes them: they run alone, then rarely, and somebody is told.

What is held is noted before anything is done about it. A process that dies leaves the note, and
what it held is suspect: from then on it is taken one by one, each put off before it is tried.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import structlog

from actors import _runtime
from tocsin import errors
from tocsin.storage import inbox, work_notes
from tocsin.storage.record import Transaction
from tocsin.storage.work_notes import Subject
from workers.progress import worker

log = structlog.get_logger(__name__)

#: What died with its worker so often is put aside.
DEATHS = 5
#: What was put aside is tried again after this: paging fails open.
RARELY = timedelta(minutes=15)
SUMMARY = "Work that ends the process that does it was put aside; it is tried again rarely"


class Suspicious(errors.TocsinError):
    """Among what is due is something that died with its worker: take each alone."""


class Watch:
    """The note of one transaction."""

    def __init__(self, here: _runtime.Runtime, tx: Transaction, kind: str) -> None:
        self._here, self._tx, self._kind = here, tx, kind
        self._held: list[Subject] = []
        self._suspect = False

    def begin(self, keys: Iterable[tuple[int, object]]) -> None:
        """Note these (tenant, subject); raises Suspicious where one of several is suspect."""
        held = self._held = [Subject(tenant, str(of)) for tenant, of in keys]
        if not held:
            return
        known = work_notes.suspects(self._tx, self._kind, held)
        if known and len(held) > 1:
            raise Suspicious
        for one, deaths in known.items():
            self._put_off(one, deaths)
        self._suspect = bool(known)
        work_notes.note(self._here.notes, self._tx, worker(), self._kind, held)

    def done(self) -> None:
        """All of it is done if the transaction is committed."""
        if self._held:
            work_notes.done(self._tx, worker(), self._kind, self._held, self._suspect)

    def _put_off(self, one: Subject, deaths: int) -> None:
        aside = deaths >= DEATHS
        pause = RARELY if aside else timedelta(seconds=2**deaths)
        work_notes.put_off(self._here.notes, self._kind, one, self._tx.now + pause)
        if aside:
            log.error("put aside", kind=self._kind, tenant=one.tenant, subject=one.subject)
            with self._here.notes.session([one.tenant]) as own:
                text = f"{self._kind} {one.subject}: its worker died {deaths} times in a row"
                inbox.page(own, one.tenant, "TocsinQuarantined", SUMMARY, text)


@contextmanager
def watched(here: _runtime.Runtime) -> Iterator[None]:
    """What fails inside did not kill this process: the note is for those that died."""
    try:
        yield
    except (errors.RecordAway, psycopg.OperationalError):
        raise
    except Exception:
        work_notes.failed(here.notes, worker())
        raise
