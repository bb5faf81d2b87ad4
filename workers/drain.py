"""Draining the inbox: claim what waits, do it and forget it in one transaction, survive poison.

Before the work the claimed ids are noted outside the transaction. A process that dies leaves its
note behind, and its rows then run alone; a row that failed five times goes to the quarantine.
"""

from __future__ import annotations

import contextlib
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import psycopg
import structlog

from tocsin import errors
from tocsin.storage import inbox
from tocsin.storage.record import Record, Transaction
from workers import turns
from workers.progress import worker

log = structlog.get_logger(__name__)

Rows = list[dict[str, Any]]
Work = Callable[[Transaction, Rows], None]


class Claim(NamedTuple):
    """How much of what to claim. `suspects`: rows that were in hands that failed."""

    stage: str
    alerts: int
    rows: int
    suspects: bool = False
    heavy: bool = False


#: Rows of one claim at most, however small.
ROWS = 2000
#: A row that failed this often is poison.
ATTEMPTS = 5
#: A piece of a flood is never smaller than this, and begins with that.
LEAST, FIRST = 250, 1000

_turns = turns.Turns()
_paces: defaultdict[str, turns.Pace] = defaultdict(lambda: turns.Pace(LEAST, FIRST))


def drain(record: Record, stage: str, work: Work, alerts: int) -> bool:
    """Take up to `alerts` alerts' worth of rows through `work`; True where there may be more.

    Light tenants come first, then a piece of what heavy ones left; how large a piece is follows
    from how long the last ones took. A set that fails is halved until the one row that cannot be
    done stands alone.
    """
    rows, heavy = ROWS, _turns.heavy
    while True:
        began, size = time.monotonic(), _paces[stage].size(alerts)
        held, problem = _attempt(record, Claim(stage, size, rows, heavy=heavy), work)
        if problem is None:
            turns.learn(_turns, _paces[stage], held, "alerts", time.monotonic() - began)
            break
        log.warning("drain failed", stage=stage, rows=len(held), error=repr(problem)[:300])
        if len(held) == 1:
            if _slow(problem):
                raise problem
            _suspect(record, held)
            rows = ROWS
        else:
            rows = max(1, len(held) // 2)
    alone = _drain_suspect(record, stage, work)
    return bool(held) or alone


def _attempt(record: Record, claim: Claim, work: Work) -> tuple[Rows, Exception | None]:
    """What was held, and what went wrong with it. What is not the rows' fault is raised."""
    held: Rows = []
    try:
        record.again(lambda: _once(record, claim, work, held))
    except errors.RecordAway:
        raise
    except Exception as error:
        if held:
            _drop_note(record)
        if not held or not _blames_rows(error):
            raise
        return held, error
    return held, None


def _drop_note(record: Record) -> None:
    """This process lives: the note is for those that died, and keeps others from what it names."""
    with contextlib.suppress(errors.RecordAway, psycopg.Error):
        inbox.drop_note(record, worker())


def _once(record: Record, claim: Claim, work: Work, held: Rows) -> None:
    if held:  # this is another try
        _drop_note(record)
    held.clear()
    with record.claims() as tx:
        held += inbox.claim(tx, *claim)
        if not held:
            return
        tx.scope({row["tenant"] for row in held})
        if claim.suspects and held[0]["attempts"] >= ATTEMPTS:
            inbox.bury(tx, held[0], "its worker died or gave up each time")
            return
        inbox.note(record, tx, worker(), [row["id"] for row in held])
        work(tx, held)
        inbox.forget_note(tx, worker())


def _drain_suspect(record: Record, stage: str, work: Work) -> bool:
    held, problem = _attempt(record, Claim(stage, 1, 1, suspects=True), work)
    if problem is not None:
        log.warning("suspect failed", stage=stage, row=held[0]["id"], error=repr(problem)[:300])
        if _slow(problem):
            return False
        if held[0]["attempts"] + 1 >= ATTEMPTS:
            with record.session([held[0]["tenant"]]) as tx:
                if inbox.take(tx, held[0]):
                    inbox.bury(tx, held[0], f"{type(problem).__name__}: {problem}")
        else:
            _suspect(record, held)
    return bool(held)


def _suspect(record: Record, held: Rows) -> None:
    with record.claims() as tx:
        inbox.suspect(tx, [row["id"] for row in held])


def _blames_rows(error: BaseException) -> bool:
    """Whether the rows may be at fault; a lost connection or a lost race says nothing of them."""
    return not isinstance(error, psycopg.OperationalError | errors.Again)


def _slow(problem: Exception) -> bool:
    """A slow database: fewer rows may help, but a single one is as good as any."""
    return isinstance(problem, psycopg.errors.TransactionTimeout)
