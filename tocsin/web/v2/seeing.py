"""Alerts that fire as Alertmanager shows them: which are asked for, and what keeps them quiet.

Silences, inhibitors and time intervals are asked by the functions that a flush asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import Depends, Query

from tocsin import errors
from tocsin.domain import matchers, quieting, routing, suppression, time_intervals
from tocsin.domain.policy import Policy
from tocsin.storage import inhibitors, labels, silences
from tocsin.storage.record import Record, Transaction
from tocsin.web import alerts, in_force
from tocsin.web.v2 import answers

#: Alerts that one transaction reads: lists are written as they are read, a page at a time.
PAGE = 1000
#: How the original says that there is no such moment.
NEVER = "0001-01-01T00:00:00.000Z"
#: What stands before the words of a rule among what mutes an alert.
RULE = "rule:"
_TRUE = ("true", "1", "yes", "ok", "y", "on", "selected", "checked", "t", "enabled")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which alerts a client wants to see."""

    conditions: tuple[matchers.Matcher, ...]
    receiver: Any
    active: bool
    silenced: bool
    inhibited: bool
    muted: bool

    def wants(self, called: dict[str, str], held: quieting.Held) -> bool:
        """Whether it is one of them by its labels and by what holds it back."""
        return (
            (self.active or any(held))
            and (self.silenced or not held.silences)
            and (self.inhibited or not held.inhibitors)
            and (self.muted or not held.intervals)
            and matchers.matches(self.conditions, called)
        )

    def hears(self, receiver: str) -> bool:
        """Whether this receiver is asked for."""
        return self.receiver is None or self.receiver.fullmatch(receiver.encode()) is not None


Switch = Annotated[str, Query(max_length=20, description="`false` leaves them out.")]
Texts = Annotated[
    tuple[str, ...],
    Query(
        alias="filter",
        max_length=alerts.MAX_FILTERS,
        description='Matchers that all must hold, in either syntax: `a=b`, `a="b"`, `"a"=~"b.*"`.',
    ),
]


def asked(
    filters: Texts = (),
    receiver: Annotated[str, Query(max_length=2000, description="Anchored, as in routes.")] = "",
    active: Switch = "true",
    silenced: Switch = "true",
    inhibited: Switch = "true",
    muted: Switch = "true",
    unprocessed: Switch = "true",
) -> Asked:
    """What the parameters say. `unprocessed` changes nothing, as with the original."""
    return Asked(
        conditions(filters), _receiver(receiver), *map(_yes, (active, silenced, inhibited, muted))
    )


Wanted = Annotated[Asked, Depends(asked)]


def conditions(filters: Sequence[str]) -> tuple[matchers.Matcher, ...]:
    """Raises Said in the words of the first that cannot be read."""
    try:
        return alerts.parse(filters, "query/filter")
    except errors.Invalid as error:
        raise answers.Said(400, error.problems[0][1]) from error


def _receiver(text: str) -> Any:
    try:
        return matchers.regex(text) if text else None
    except ValueError as error:
        raise answers.Said(400, f"failed to parse receiver param: {error}") from error


def _yes(text: str) -> bool:
    return text.lower() in _TRUE


@dataclass(frozen=True, slots=True)
class View:
    """What a whole list is judged by; its pages are read one after the other."""

    record: Record
    tenant: int
    policy: Policy | None
    silences: suppression.Index
    _routes: dict[str, routing.Route | None] = field(default_factory=dict)

    def quiet(
        self, tx: Transaction, rows: Sequence[dict[str, Any]], hours: time_intervals.Hours
    ) -> quieting.Quiet:
        """What can hold back these alerts where a route has these hours."""
        return quieting.Quiet(hours, self.silences, self.inhibited(tx, rows), tx.now)

    def inhibited(self, tx: Transaction, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
        """By fingerprint, what inhibits alerts whose labels stand in their rows as `called`."""
        rules = self.policy.inhibit_rules if self.policy else ()
        some = (
            inhibitors.Target(self.tenant, rules, row["fingerprint"], row["called"]) for row in rows
        )
        return inhibitors.holds(tx, some, obey=False).get(self.tenant, {}) if rules else {}

    def route(self, id: str) -> routing.Route | None:
        """The route of this id, if the policy has it still."""
        if id not in self._routes:
            self._routes[id] = routing.find(self.policy.root, id) if self.policy else None
        return self._routes[id]

    def routes(self, called: dict[str, str]) -> list[routing.Route]:
        """The routes that lead an alert with these labels to somebody."""
        taken = self.policy.routes(called) if self.policy else ()
        return [route for route in taken if route.receiver is not None]


def view(record: Record, tenant: int) -> View:
    """How things stand now."""
    with record.session([tenant]) as tx:
        filed = suppression.index(map(silences.read, silences.in_force(tx, tenant)))
        return View(record, tenant, in_force.policy(tx, tenant), filed)


def called(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows with their labels, as routes see them, as `called`."""
    return [{**row, "called": labels.of(row)} for row in rows]


def shown(row: dict[str, Any], held: quieting.Held, receivers: Sequence[str]) -> dict[str, Any]:
    """One alert in the words of the original."""
    made: dict[str, Any] = {
        "annotations": orjson.loads(row["annotations"]),
        "endsAt": moment(row["expires_at"]),
        "fingerprint": row["fingerprint"],
        "receivers": [{"name": name} for name in receivers],
        "startsAt": moment(row["starts_at"]),
        "status": {
            "inhibitedBy": held.inhibitors,
            "mutedBy": held.intervals,
            "silencedBy": held.silences,
            "state": "suppressed" if any(held) else "active",
        },
        "updatedAt": moment(row["last_seen"]),
    }
    if row["generator_url"]:
        made["generatorURL"] = row["generator_url"]
    made["labels"] = row["called"]
    return made


def moment(at: datetime | None) -> str:
    """In milliseconds, as the original writes it."""
    if at is None:
        return NEVER
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
