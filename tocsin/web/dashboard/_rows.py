"""The list of incidents: what its address asks for, and what each row shows."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from schemas.incident import Order
from tocsin.storage import incident_lists
from tocsin.storage.record import Transaction
from tocsin.web import in_force
from tocsin.web.dashboard import _faces, _plans

#: What each tab shows, by its word in the address; the first is what stands there without one.
TABS: dict[str, tuple[str, ...]] = {
    "going-on": ("open", "acknowledged"),
    "open": ("open",),
    "acknowledged": ("acknowledged",),
    "resolved": ("resolved",),
    "all": (),
}
ORDERS: tuple[Order, ...] = ("severity", "newest", "oldest")
SEVERITIES = ("critical", "error", "warning", "info", "none")
TIMES = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}
#: Resolved incidents that are older are there when somebody asks for all times.
REACH = timedelta(days=30)
PAGE = 50
LONGEST_TEXT = 200


class Asked(NamedTuple):
    """What an address of the list asks for; whatever makes no sense is as if it were not there."""

    tab: str
    severities: tuple[str, ...]
    receiver: str
    time: str
    text: str
    order: str
    after: uuid.UUID | None

    def address(self, **other: object) -> str:
        """The list with these things asked otherwise, from its beginning."""
        now = self._asdict() | {"after": None} | other
        said = [("state", now["tab"] if now["tab"] != "going-on" else "")]
        said += [("severity", one) for one in now["severities"]]
        said += [("receiver", now["receiver"]), ("time", now["time"]), ("q", now["text"]),
                 ("order", now["order"]), ("after", str(now["after"] or ""))]  # fmt: skip
        query = urlencode([(name, value) for name, value in said if value])
        return f"/ui/incidents?{query}" if query else "/ui/incidents"

    def toggled(self, severity: str) -> str:
        """With this severity asked for, or not any more."""
        return self.address(severities=tuple(
            one for one in SEVERITIES if (one in self.severities) != (one == severity)
        ))  # fmt: skip

    @property
    def by(self) -> Order:
        """How it is ordered."""
        return next((one for one in ORDERS if one == self.order), self.usual)

    @property
    def usual(self) -> Order:
        """The order of a tab if nobody says otherwise: of what goes on the worst is first."""
        return "newest" if "resolved" in (TABS[self.tab] or ("resolved",)) else "severity"

    @property
    def narrows(self) -> bool:
        return bool(self.severities or self.receiver or self.time or self.text)


class Item(NamedTuple):
    """One incident of the list."""

    row: dict[str, Any]
    facts: incident_lists.Facts
    has_it: _faces.Face | None
    next: _plans.Next | None


class Board(NamedTuple):
    """The whole list. `more`: the address of what follows; `counts`: of each tab."""

    items: list[Item]
    counts: dict[str, int]
    facets: Mapping[incident_lists.Facet, Mapping[str, int]]
    more: str


def asked(query: QueryParams) -> Asked:
    """Reads an address."""
    tab = query.get("state", "")
    after = query.get("after", "")
    return Asked(
        tab if tab in TABS else "going-on",
        tuple(one for one in SEVERITIES if one in query.getlist("severity")),
        _clean(query.get("receiver", "")),
        query.get("time", "") if query.get("time") in {*TIMES, "all"} else "",
        _clean(query.get("q", "")),
        query.get("order", "") if query.get("order") in ORDERS else "",
        _id(after),
    )


def board(tx: Transaction, tenant: int, wanted: Asked) -> Board:
    """What the list shows now."""
    narrowed = _wanted(wanted, tx.now)
    rows = incident_lists.listed(
        tx, tenant, narrowed, order=wanted.by, after=wanted.after, limit=PAGE + 1
    )  # fmt: skip
    facets = incident_lists.facets(tx, tenant, narrowed)
    counts = {
        tab: sum(n for state, n in facets["state"].items() if not states or state in states)
        for tab, states in TABS.items()
    }
    more = wanted.address(after=rows[PAGE - 1]["id"]) if len(rows) > PAGE else ""
    return Board(items(tx, tenant, rows[:PAGE]), counts, facets, more)


def items(tx: Transaction, tenant: int, rows: list[dict[str, Any]]) -> list[Item]:
    """Incidents, rows of `search_incidents`, with what a row shows of each."""
    policy = in_force.policy(tx, tenant)
    facts = incident_lists.facts(tx, tenant, [row["id"] for row in rows])
    firing = {id: found.firing for id, found in facts.items()}
    coming = _plans.upcoming(tx, tenant, policy, rows, firing)
    return [
        Item(
            row,
            facts[row["id"]],
            _faces.of(policy, who) if (who := row["acknowledged_by"]) else None,
            coming.get(row["id"]) if row["state"] == "open" else None,
        )
        for row in rows
    ]


def _wanted(wanted: Asked, now: datetime) -> incident_lists.Wanted:
    reach = TIMES.get(wanted.time, REACH)
    return incident_lists.Wanted(
        TABS[wanted.tab],
        wanted.severities,
        (wanted.receiver,) if wanted.receiver else (),
        None if wanted.time == "all" else now - reach,
        not wanted.time,
        wanted.text,
    )


def _clean(text: str) -> str:
    return text.replace("\0", "").strip()[:LONGEST_TEXT]


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
