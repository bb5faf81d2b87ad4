"""The history of a run as invariants want it: requests with their answers, rows, times as numbers.

Nothing here knows the product: a mistake that both made would never show.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.faults import history

Row = dict[str, Any]

#: Reasons of notifications that bring news of something that fires.
PAGING = frozenset({"first", "new_alerts", "repeat", "reopened", "escalated", "handed_over"})


def moment(given: Any) -> float | None:
    """A time of the history in seconds since 1970; None where there is none."""
    if given in (None, ""):
        return None
    if isinstance(given, int | float):
        return float(given)
    found = datetime.fromisoformat(given)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


@dataclass(frozen=True)
class Window:
    """A fault from its beginning to its end."""

    begin: float
    end: float
    fault: str
    target: str


@dataclass(frozen=True)
class Request:
    """What the client sent, and what came back; ``ended`` is None where nothing did."""

    id: Any
    kind: str
    tenant: int
    began: float
    ended: float | None
    given: Row
    answer: Row

    @property
    def outcome(self) -> str:
        return str(self.answer.get("outcome", "doubt"))


@dataclass(frozen=True)
class Tenant:
    """One tenant of the run, with its policy in plain data."""

    id: int
    slug: str
    canary: str
    policy: Row


@dataclass
class Story:
    """All of one run; tables are read when they are asked for, and once."""

    folder: Path
    _tables: dict[str, list[Row]] = field(default_factory=dict)
    _sorted: dict[tuple[str, tuple[str, ...]], dict[tuple[Any, ...], list[Row]]] = field(
        default_factory=dict
    )

    @cached_property
    def run(self) -> Row:
        return history.run(self.folder)

    @cached_property
    def tenants(self) -> dict[int, Tenant]:
        rows = self.run.get("tenants", [])
        return {
            row["id"]: Tenant(row["id"], row["slug"], row["canary"], row.get("policy") or {})
            for row in rows
        }

    @property
    def ended(self) -> float:
        return float(self.run["ended"])

    @cached_property
    def requests(self) -> list[Request]:
        begun: dict[Any, Row] = {}
        answers: dict[Any, Row] = {}
        for line in history.read(self.folder / history.CLIENT):
            (begun if line["phase"] == "begin" else answers)[line["id"]] = line
        return [_request(line, answers.get(id, {})) for id, line in begun.items()]

    def of_kind(self, kind: str) -> list[Request]:
        """The requests of one kind, oldest first."""
        return sorted((r for r in self.requests if r.kind == kind), key=lambda r: r.began)

    @cached_property
    def ledger(self) -> list[Row]:
        """What the providers were asked, each with its place among all."""
        lines = history.read(self.folder / history.PROVIDER)
        return [{**line, "n": n} for n, line in enumerate(lines)]

    @cached_property
    def by_key(self) -> dict[str, list[Row]]:
        """What was to be shown to somebody, by idempotency key, oldest first."""
        found: dict[str, list[Row]] = defaultdict(list)
        for entry in self.ledger:
            if entry["key"] and not _only_looks(entry):
                found[entry["key"]].append(entry)
        return dict(found)

    @cached_property
    def windows(self) -> list[Window]:
        return sorted(self._windows(), key=lambda w: (w.begin, w.end))

    def _windows(self) -> Iterator[Window]:
        standing: dict[str, float] = {}
        for line in history.read(self.folder / history.NEMESIS):
            # What it was done to is often known only when it has begun.
            name = str(line["fault"])
            if line["phase"] == "begin" and line.get("seconds"):
                # Time was travelled: all of it passed before this was written down.
                standing.setdefault(name, float(line["t"]) - float(line["seconds"]))
            elif line["phase"] == "begin":
                standing.setdefault(name, float(line["t"]))
            elif line["phase"] == "end" and name in standing:
                yield Window(standing.pop(name), float(line["t"]), name, str(line["target"]))
        for name, began in standing.items():
            yield Window(began, self.ended, name, "")

    @property
    def outages(self) -> list[Window]:
        """Faults that may hold up a decision: neither Redis nor a provider nor a sender can."""
        return [w for w in self.windows if not w.fault.startswith(("redis", "provider", "input"))]

    def troubled(self, begin: float, end: float) -> bool:
        """Whether a fault was on at any time between the two."""
        return any(w.begin <= end and begin <= w.end for w in self.windows)

    def table(self, name: str) -> list[Row]:
        """The rows of a table of the record. Raises where it was not dumped: that is not empty."""
        if name not in self._tables:
            if not (self.folder / history.DUMP / f"{name}.jsonl").exists():
                raise FileNotFoundError(f"the history has no table {name}")
            self._tables[name] = history.table(self.folder, name)
        return self._tables[name]

    def by(self, name: str, *columns: str) -> dict[tuple[Any, ...], list[Row]]:
        """The rows of a table by the values of some columns."""
        if (name, columns) not in self._sorted:
            found: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
            for row in self.table(name):
                found[tuple(row[column] for column in columns)].append(row)
            self._sorted[name, columns] = dict(found)
        return self._sorted[name, columns]

    def slug(self, tenant: int) -> str:
        """The name of a tenant for people."""
        return self.tenants[tenant].slug if tenant in self.tenants else f"tenant {tenant}"

    def text(self, name: str) -> str:
        """A file of the history, or nothing if it is not there."""
        path = self.folder / name
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def logs(self) -> Iterable[Path]:
        """All that the processes said."""
        return sorted((self.folder / history.LOGS).glob("**/*.log*"))


def _only_looks(entry: Row) -> bool:
    """Whether it asks what has arrived already: Twilio's list is read without a body."""
    return str(entry["provider"]) == "twilio" and entry["body"] == ""


def _request(line: Row, answer: Row) -> Request:
    ended = float(answer["t"]) if answer else None
    return Request(
        line["id"], line["kind"], line["tenant"], float(line["t"]), ended, line, answer
    )  # fmt: skip
