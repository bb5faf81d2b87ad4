"""The end of a demo: was anything lost, and how soon was the pager told?

Counted twice over, from the record and from what the providers noted, so that neither is believed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tocsin.demo import counts, day
from tocsin.demo.counts import Counts
from tocsin.demo.fakes import ledger
from tocsin.demo.play import Player, Urgent
from tocsin.domain import fingerprint

#: Where each tenant's pager is.
_PAGERS = {"shop": "pager", "bank": "duty"}


@dataclass(frozen=True)
class Verdict:
    """``latency`` and ``in_storm`` are p50 and p99 in milliseconds; None: nothing was measured.

    ``latency`` is that of the bank's alerts outside the storm; ``in_storm`` that of all urgent
    alerts, the bank's and the shop's, during it. ``problems`` says what was lost, or told to the
    wrong ones; ``spoilt`` counts the calls that a provider did not answer as it should.
    """

    final: Counts
    lost: int
    problems: tuple[str, ...]
    spoilt: int
    latency: tuple[float | None, float | None]
    measured: int
    in_storm: tuple[float | None, float | None]

    def summary(self) -> dict[str, Any]:
        """What demo-summary.json holds."""
        return {
            "accepted": self.final.accepted,
            "unique": self.final.unique,
            "repeats": self.final.repeats,
            "incidents": self.final.incidents,
            "sent": self.final.sent,
            "lost": self.lost,
            "latency_ms": dict(zip(("p50", "p99"), self.latency, strict=True)),
        }


def reach(player: Player) -> Verdict:
    """Judge what has happened; nothing may wait any more."""
    final = counts.take(player)
    calls = player.stage.providers.ledger.calls()
    waits = [(each, _wait(player, calls, each)) for each in player.urgent]
    unheard = [each for each, wait in waits if wait is None and not _was_over(player, each)]
    unexplained = max(0, final.accepted - final.explained)
    untold = _untold(player, calls)
    problems = [
        *([f"{unexplained} accepted alerts have no explanation"] if unexplained else []),
        *(f"no provider saw the incident {title} of {n} alerts" for title, n in untold),
        *(f"no pager of the {each.tenant} heard of {dict(each.labels)}" for each in unheard),
        *(f"{call.dest} was told of the other tenant's alerts" for call in _strayed(calls)),
    ]
    lost = unexplained + sum(n for _, n in untold) + len(unheard)
    calm = [wait for each, wait in waits
            if wait is not None and each.phase == "day" and each.tenant == "bank"]  # fmt: skip
    stormy = [wait for each, wait in waits if wait is not None and each.phase == "storm"]
    spoilt = sum(1 for call in calls if call.fault != "none")
    measured = _percentiles(calm), len(calm), _percentiles(stormy)
    return Verdict(final, lost, tuple(problems), spoilt, *measured)


def _untold(player: Player, calls: list[ledger.Entry]) -> list[tuple[str, int]]:
    """Incidents that nobody was shown, with how many alerts each has."""
    known = counts.shown(calls)
    return [
        (row["title"], max(1, row["alerts"]))
        for row in counts.incidents(player)
        if row["id"] not in known
    ]


def _was_over(player: Player, urgent: Urgent) -> bool:
    """Whether the record says that the alert had ended before its group's turn to speak came."""
    tenant = player.stage.tenants[urgent.tenant].id
    with player.stage.record.session([tenant]) as tx:
        events = tx.rows(
            "SELECT status, outcome FROM alert_event WHERE fingerprint = %s AND received_at >= %s",
            [fingerprint.fingerprint(urgent.labels), datetime.fromtimestamp(urgent.posted, UTC)],
        )
    outcomes = {each["outcome"] for each in events if each["status"] == "firing"}
    return outcomes == {"grouped"} and any(each["status"] == "resolved" for each in events)


def _strayed(calls: list[ledger.Entry]) -> list[ledger.Entry]:
    """Calls that told one tenant of what happened at the other."""
    banks = f'"{day.BANK_ALERT}"'
    return [
        call
        for call in calls
        if (banks in json.dumps(call.body)) != call.dest.startswith("/hook/bank/")
        and "TestAlert" not in json.dumps(call.body)
    ]


def _wait(player: Player, calls: list[ledger.Entry], urgent: Urgent) -> float | None:
    """Milliseconds from the post to the pager's receipt; None: it never came."""
    dest = player.stage.hook(urgent.tenant, _PAGERS[urgent.tenant])
    wanted = dict(urgent.labels)
    for call in calls:
        came = call.dest == dest and call.effect and call.t >= urgent.posted
        if came and any(each["labels"] == wanted for each in call.body["alerts"]):
            return (call.t - urgent.posted) * 1000
    return None


def _percentiles(values: Iterable[float]) -> tuple[float | None, float | None]:
    """p50 and p99 by the nearest rank, to a tenth."""
    ranked = sorted(values)
    if not ranked:
        return None, None
    at = (ranked[math.ceil(part * len(ranked)) - 1] for part in (0.50, 0.99))
    p50, p99 = (round(value, 1) for value in at)
    return p50, p99
