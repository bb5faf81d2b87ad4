"""What each loop of each process last did, by the clock of the machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from psycopg.rows import DictRow

from tocsin.storage.record import Transaction

#: The loops of the clock begin with this; all others are queues.
CLOCK = "clock."

WRITE = """
INSERT INTO progress (process, loop, at, done, oldest_due)
SELECT %(process)s, loop, now() - make_interval(secs => age), done, oldest
FROM json_to_recordset(%(items)s)
  AS r (loop text, age float8, done bigint, oldest timestamptz) ORDER BY loop
ON CONFLICT (process, loop) DO UPDATE SET at = excluded.at, done = excluded.done,
  oldest_due = excluded.oldest_due
"""
#: Of several processes with the same loop one that goes on is enough. The newest row of a loop
#: stays whatever its age: without it nobody could tell that the loop is dead.
AGES = """
SELECT loop, extract(epoch FROM now() - max(at))::float8 AS age, count(*) AS processes,
  sum(done)::bigint AS done
FROM progress GROUP BY loop ORDER BY loop
"""
PRUNE = """
DELETE FROM progress p WHERE p.at < now() - interval '10 minutes' AND EXISTS (
  SELECT 1 FROM progress n WHERE n.loop = p.loop AND n.at > p.at)
"""


class Step(NamedTuple):
    """A loop: for how many seconds it has done nothing, how often it did something, its backlog."""

    loop: str
    age: float
    done: int
    oldest: datetime | None = None


def write(tx: Transaction, process: str, steps: Sequence[Step]) -> None:
    """One statement for all loops of a process."""
    tx.many(WRITE, [step._asdict() for step in steps], {"process": process})
    tx.run(PRUNE)


def ages(tx: Transaction) -> list[DictRow]:
    """By loop: the age in seconds of the newest progress, and how many processes have the loop."""
    return tx.rows(AGES)


def forget_others(tx: Transaction, loops: Sequence[str]) -> None:
    """Loops of the clock that this version, as it is configured, does not have are not late."""
    tx.run(
        "DELETE FROM progress WHERE starts_with(loop, %s) AND loop <> ALL(%s)",
        [CLOCK, list(loops)],
    )
