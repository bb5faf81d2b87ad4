"""Judge: windows of rules that end by themselves: it held so long, it stayed away, it is over."""

from __future__ import annotations

from typing import Any

from actors import _rules, _runtime, _work
from tocsin.domain import judging
from tocsin.storage import timers
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies

LIMIT = 500


@_work.actor("judge", _runtime.queue_of("judge"))
def judge(queue: str) -> bool:
    """Settle the states whose time has come; harmless where nothing has."""
    here = _runtime.here()
    wakes = here.record.again(lambda: _once(here))
    for actor in sorted(wakes or ()):
        here.wake(actor)
    return wakes is not None


def _once(here: _runtime.Runtime) -> set[str] | None:
    """Whom to wake; None: nothing was due."""
    with here.record.claims() as tx:
        due = timers.due(tx, "rule", LIMIT)
        if not due:
            return None
        tx.scope({row["tenant"] for row in due})
        tenants = here.tenants(tx, {row["tenant"] for row in due})
        bench = _rules.Bench(tx, tenants, Tallies())
        lost = bench.recall((row["tenant"], row["subject"].partition(" ")[2]) for row in due)
        _stray(tx, bench, lost, due)
        for memory in bench.memories.values():
            judging.settle_by_time(memory, tx.now)
        wakes = bench.write()
        _rules.drop(tx, lost)
    return wakes | ({"dedup"} if lost else set())


def _stray(
    tx: Transaction, bench: _rules.Bench, lost: list[dict[str, Any]], due: list[dict[str, Any]]
) -> None:
    """Remove the timers, still due, of states that are not there any more."""
    known = {(t, _rules.subject(id, key)) for t, m in bench.memories.items() for key, id in m}
    known |= {(row["tenant"], _rules.subject(row["rule"], row["key"])) for row in lost}
    still = timers.still_due(tx, "rule", [row["subject"] for row in due])
    gone = [{"tenant": tenant, "subject": named} for tenant, named in sorted(still.keys() - known)]
    timers.drop(tx, "rule", gone)
