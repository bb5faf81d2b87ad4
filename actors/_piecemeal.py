"""A batch that fails is done again one by one: what cannot be done must hold up nothing else."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import psycopg
import structlog

from actors import _poison, _runtime
from tocsin import errors
from tocsin.storage import timers
from tocsin.storage.record import Transaction

log = structlog.get_logger(__name__)

Key = TypeVar("Key")
#: Tenant and subject of a timer; the actor and the queue of a ring.
Timed = tuple[int, str]
Ring = tuple[str, str]

#: A timer whose work cannot be done is due again after this.
PUT_OFF = timedelta(seconds=15)


def run(
    name: str,
    limit: int,
    work: Callable[[int, list[Key]], bool],
    put_off: Callable[[Key, Exception], None],
) -> bool:
    """Do `work`; True where there may be more.

    It takes how much it may claim, writes down what it claimed before anything can fail, and says
    whether there may be more. `put_off` is told what failed alone, and why. While the record is
    away nothing is put off.
    """
    try:
        return work(limit, [])
    except (errors.RecordAway, psycopg.OperationalError):
        raise
    except _poison.Suspicious:
        log.warning("one by one, for something died with its worker", actor=name)
    except Exception as error:
        log.exception("a batch failed, now one by one", actor=name, error=type(error).__name__)
    return _one_by_one(limit, work, put_off)


def again(
    here: _runtime.Runtime, once: Callable[[list[Timed], set[Ring]], bool], held: list[Timed]
) -> bool:
    """One transaction of `work`, again after races: each try notes anew what it claimed and whom
    to ring once it is committed."""
    rings: set[Ring] = set()

    def anew() -> bool:
        rings.clear()
        held.clear()
        return once(held, rings)

    more = here.record.again(anew)
    here.ring(rings)
    return more


def put_off(tx: Transaction, kind: str, tenant: int, subject: str) -> None:
    """Have this timer go off a little later."""
    timers.exactly(tx, kind, [{"tenant": tenant, "subject": subject, "due_at": tx.now + PUT_OFF}])


def _one_by_one(
    limit: int, work: Callable[[int, list[Key]], bool], put_off: Callable[[Key, Exception], None]
) -> bool:
    for _ in range(limit):
        held: list[Key] = []
        try:
            if not work(1, held) and not held:
                return False
        except (errors.RecordAway, psycopg.OperationalError):
            raise
        except Exception as error:
            if not held:
                raise
            put_off(held[0], error)
    return True
