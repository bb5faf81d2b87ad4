"""Enrich: what the tenant's tables, rules and other systems say about an alert.

Nothing is asked here: what other systems answered before is read once, the rest is noted as wanted
for the actor `lookup`, and the alert goes on without it. When the answer is there, the alert comes
round again as a change of the kind "enriched".
"""

from __future__ import annotations

from typing import Any

import orjson

from actors import _answers, _line
from tocsin.domain import enrichers, enrichment
from tocsin.domain.change import Change
from tocsin.storage import alerts, events, labels

Key = tuple[int, str]
#: Changes in which nothing happened to the alert itself: more is known of it, or the policy is new.
AGAIN = ("enriched", "rerouted")


@_line.stage
def enrich(load: _line.Load, changes: list[Change]) -> list[Change]:
    """Give each change that fires its labels and facts anew, and store them beside the alert."""
    changes = changes if load.first == "dedup" else _still(load, changes)
    before = {(c.tenant, c.fingerprint): (c.added, c.extra) for c in reversed(changes)}
    found = _found(load, changes)
    now: dict[Key, Change] = {}
    for number, change in enumerate(changes):
        key = (change.tenant, change.fingerprint)
        if number in found:
            enrichment.keep(found[number], change.added, change.extra, change.kind in AGAIN)
            change.added, change.extra = found[number].added, found[number].extra
        elif key in now:
            # It fired in this very drain: it ends under what it got then.
            change.added, change.extra = now[key].added, now[key].extra
        now[key] = change
    written = [
        _written(change)
        for key, change in sorted(now.items())
        if before[key] != (change.added, change.extra)
    ]
    alerts.enriched(load.tx, written)
    return changes


def _still(load: _line.Load, changes: list[Change]) -> list[Change]:
    """The changes with their alerts as they are under a lock.

    Late facts about an alert that is over change nothing: it ends where it was told of.
    """
    rows = alerts.lock(load.tx, sorted({(c.tenant, c.fingerprint) for c in changes}))
    gone = []
    for change in changes:
        row = rows[change.tenant, change.fingerprint]
        change.extra, change.added = labels.pairs(row["extra"]), labels.pairs(row["added"])
        if change.kind in AGAIN and row["status"] != "firing":
            gone.append(change)
    if gone:
        items = [
            {"tenant": c.tenant, "id": c.event, "outcome": "superseded", "cause": "it is over"}
            for c in gone
        ]
        events.settle(load.tx, items, min(change.received_at for change in gone))
    over = {change.event for change in gone}
    return [change for change in changes if change.event not in over]


def _found(load: _line.Load, changes: list[Change]) -> dict[int, enrichment.Found]:
    """What is known of each change that fires, by its place in the list."""
    answers = _answers.Answers(load.tx)
    found: dict[int, enrichment.Found] = {}
    todo = [
        (number, change)
        for number, change in enumerate(changes)
        if change.status == "firing" and load.tenants[change.tenant].policy is not None
    ]
    while todo:
        for number, change in todo:
            found[number] = _one(load, change, answers)
        news = answers.look_up(
            (change.tenant, ask) for number, change in todo for ask in found[number].asks.items()
        )
        todo = [
            (number, change)
            for number, change in todo
            if any((change.tenant, *key) in news for key in found[number].asks)
        ]
    answers.wait((changes[number], key) for number, each in found.items() for key in each.asks)
    if answers.wanted:
        load.wakes.add("lookup")
    _count(load, changes, found)
    return found


def _one(load: _line.Load, change: Change, answers: _answers.Answers) -> enrichment.Found:
    policy = load.tenants[change.tenant].policy
    assert policy is not None
    known = enrichers.Known(change.labels, change.annotations, change.severity, change.source)
    own = answers.of(change.tenant)
    return enrichment.enrich(policy.enrichment, policy.steps, known, own)


def _count(load: _line.Load, changes: list[Change], found: dict[int, enrichment.Found]) -> None:
    for number, each in found.items():
        for gap in each.gaps:
            load.tallies.add(changes[number].tenant, "enrichment_gaps_total", gap.name, gap.why)


def _written(change: Change) -> dict[str, Any]:
    return {
        "tenant": change.tenant, "fingerprint": change.fingerprint,
        "extra": _json(change.extra), "added": _json(change.added),
    }  # fmt: skip


def _json(pairs: dict[str, str]) -> str | None:
    return orjson.dumps(pairs).decode() if pairs else None
