"""Draining the inbox: claim what waits, do it and forget it in one transaction, survive poison.

Before the work the claimed ids are noted outside the transaction. A process that dies leaves its
note behind, and its rows then run alone; a row that failed five times goes to the quarantine.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import psycopg
import structlog

from tocsin import errors
from tocsin.storage import inbox
from tocsin.storage.record import Record, Transaction, is_transient

log = structlog.get_logger(__name__)

Rows = list[dict[str, Any]]
Work = Callable[[Transaction, Rows], None]
#: Rows of one claim at most, however small.
ROWS = 2000
#: A row that failed this often is poison.
ATTEMPTS = 5


def drain(record: Record, stage: str, work: Work, alerts: int) -> bool:
    """Take up to `alerts` alerts' worth of rows through `work`; True where there may be more.

    A set that fails is halved until the one row that cannot be done stands alone.
    """
    rows = ROWS
    while True:
        held: Rows = []
        try:
            record.again(lambda rows=rows: _once(record, stage, work, alerts, rows, held))
            break
        except errors.RecordAway:
            raise
        except Exception as error:
            if not held or _connection_lost(error):
                raise
            log.warning("drain failed", stage=stage, rows=len(held), error=repr(error)[:300])
            if len(held) == 1:
                _suspect(record, held)
                rows = ROWS
            else:
                rows = max(1, len(held) // 2)
    alone = _drain_suspect(record, stage, work)
    return bool(held) or alone


def _once(
    record: Record, stage: str, work: Work, alerts: int, rows: int, held: Rows,
    suspects: bool = False,
) -> None:  # fmt: skip
    held.clear()
    with record.claims() as tx:
        held += inbox.claim(tx, stage, alerts, rows, suspects)
        if not held:
            return
        inbox.note(record, _worker(), [row["id"] for row in held])
        tx.scope({row["tenant"] for row in held})
        work(tx, held)
        inbox.forget_note(tx, _worker())


def _drain_suspect(record: Record, stage: str, work: Work) -> bool:
    held: Rows = []
    try:
        record.again(lambda: _once(record, stage, work, 1, 1, held, suspects=True))
    except errors.RecordAway:
        raise
    except Exception as error:
        if not held or _connection_lost(error):
            raise
        log.warning("suspect failed", stage=stage, row=held[0]["id"], error=repr(error)[:300])
        if held[0]["attempts"] + 1 >= ATTEMPTS:
            inbox.bury(record, held[0], f"{type(error).__name__}: {error}")
        else:
            _suspect(record, held)
    return bool(held)


def _suspect(record: Record, held: Rows) -> None:
    with record.claims() as tx:
        inbox.suspect(tx, [row["id"] for row in held])


def _worker() -> str:
    return f"{os.uname().nodename}/{os.getpid()}/{threading.get_native_id()}"


def _connection_lost(error: BaseException) -> bool:
    return isinstance(error, psycopg.OperationalError) and not is_transient(error)
