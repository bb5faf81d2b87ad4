"""Evaluate: the tenant's rules have their say; without rules every change goes on as it is."""

from __future__ import annotations

from typing import Any

import orjson

from actors import _line, _pulses, _rules, _scores
from tocsin.domain import judging, severity
from tocsin.domain.change import Change
from tocsin.storage import alerts, events


@_line.stage
def evaluate(load: _line.Load, changes: list[Change]) -> list[Change]:
    """Pass on the changes of tenants that have a policy; the others end here with "no route"."""
    lost = [change for change in changes if load.tenants[change.tenant].policy is None]
    _settle(load, [(change, "no_route", "no policy") for change in lost])
    kept = [change for change in changes if load.tenants[change.tenant].policy is not None]
    _settle(load, _pulses.take_out(load, kept))
    # What rules set that the policy no longer has is taken away again.
    going = [change for change in kept if not change.dropped]
    ruled = [change for change in going if change.ruled or _has_rules(load, change.tenant)]
    if ruled or load.repeats:
        _judge(load, ruled)
    return kept


def _has_rules(load: _line.Load, tenant: int) -> bool:
    policy = load.tenants[tenant].policy
    return policy is not None and bool(policy.rules)


def _judge(load: _line.Load, changes: list[Change]) -> None:
    repeats = [each for each in load.repeats if _has_rules(load, each.change.tenant)]
    _scores.tell(load.tx, load.tenants, [*changes, *(each.change for each in repeats)])
    bench = _rules.Bench(load.tx, load.tenants, load.tallies)
    bench.hear(changes, repeats, _over(load, [*changes, *(each.change for each in repeats)]))
    stored, dropped = _apply(bench)
    alerts.ruled(load.tx, stored)
    load.wakes |= bench.write()
    _settle(load, dropped)


def _over(load: _line.Load, changes: list[Change]) -> set[_rules.Mark]:
    """Lock the alerts, unless dedup did in this transaction, and see which are over by now."""
    if load.locked:
        return set()
    found = alerts.lock(load.tx, sorted({(c.tenant, c.fingerprint) for c in changes}))
    return {mark for mark, row in found.items() if row["status"] != "firing"}


def _apply(
    bench: _rules.Bench,
) -> tuple[list[dict[str, Any]], list[tuple[Change, str, str]]]:
    """Put what the rules say into the changes; what to store of it, and which are dropped."""
    now_ruled: dict[_rules.Mark, tuple[dict[str, str], str]] = {}
    before: dict[_rules.Mark, dict[str, str]] = {}
    dropped = []
    for tenant, met in bench.met:
        change, mark = met.change, (tenant, met.change.fingerprint)
        before.setdefault(mark, change.ruled)
        if met.over:
            _keep(change, now_ruled.get(mark))
            continue
        said = judging.judged(met, bench.memories.get(tenant, {}))
        change.ruled, change.severity = said.ruled, said.severity
        now_ruled[mark] = (said.ruled, said.severity)
        if said.drop is not None:
            change.dropped = True
            dropped.append((change, "dropped", said.drop))
    stored = [
        {"tenant": tenant, "fingerprint": fingerprint, "severity": said,
         "ruled": orjson.dumps(ruled).decode() if ruled else None}
        for (tenant, fingerprint), (ruled, said) in sorted(now_ruled.items())
        if ruled != before[tenant, fingerprint]
    ]  # fmt: skip
    return stored, dropped


def _keep(change: Change, earlier: tuple[dict[str, str], str] | None) -> None:
    """What is over keeps what it was called, also where it began in this very drain."""
    if earlier is not None:
        change.ruled = earlier[0]
    if said := change.ruled.get("severity"):
        change.severity = severity.of({"severity": said})


def _settle(load: _line.Load, ended: list[tuple[Change, str, str]]) -> None:
    if ended:
        events.settle(
            load.tx,
            [
                {"tenant": c.tenant, "id": c.event, "outcome": outcome, "cause": cause}
                for c, outcome, cause in ended
            ],
            min(change.received_at for change, _, _ in ended),
        )
