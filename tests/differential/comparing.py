"""What the sinks saw of both, group by group: the same, in the same order, at the same time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.differential import scenarios
from tocsin.demo.fakes.ledger import Entry

Group = tuple[str, tuple[tuple[str, str], ...]]
#: In units. We ask at once when a silence or an inhibitor ends, Alertmanager at the next tick.
TOLERANCE = scenarios.GROUP_INTERVAL


@dataclass(frozen=True)
class Said:
    """One notification: what fires and what is over in it; `at` in units since the start."""

    receiver: str
    group: tuple[tuple[str, str], ...]
    status: str
    firing: frozenset[str]
    resolved: frozenset[str]
    truncated: int
    at: float

    def __str__(self) -> str:
        fires, over = " | ".join(sorted(self.firing)), " | ".join(sorted(self.resolved))
        return f"{self.at:5.2f} {self.status} firing: {fires or '-'}; over: {over or '-'}"


def read(entries: Iterable[Entry], start: float, unit: float) -> list[Said]:
    """What the sink kept, as notifications; a repeated request counts once."""
    return [_said(each.body, (each.t - start) / unit) for each in entries if each.seen <= 1]


def differences(
    scenario: scenarios.Scenario, theirs: Sequence[Said], ours: Sequence[Said]
) -> list[str]:
    """Everything in which the two differ without having meant to."""
    theirs, ours = ([said for said in one if said.at < scenario.length] for one in (theirs, ours))
    theirs = _without(theirs, scenario.only_theirs)
    missing = [only for only in scenario.only_ours if not any(_is(said, only) for said in ours)]
    found = [f"meant to be ours only, and was not sent: {only}" for only in missing]
    ours = _without(ours, scenario.only_ours)
    groups = sorted({(said.receiver, said.group) for said in (*theirs, *ours)})
    for receiver, group in groups:
        lines = [
            [said for said in one if (said.receiver, said.group) == (receiver, group)]
            for one in (theirs, ours)
        ]
        found += _compared((receiver, group), lines[0], lines[1], scenario.counted)
    return found


def _compared(group: Group, theirs: list[Said], ours: list[Said], counted: bool) -> Iterator[str]:
    where = f"to {group[0]} of {dict(group[1])}"
    if [_content(said, counted) for said in theirs] != [_content(said, counted) for said in ours]:
        shown = ["    Alertmanager:", *map(str, theirs), "    Tocsin:", *map(str, ours)]
        yield "\n      ".join([f"what was told {where}", *shown])
        return
    for one, other in zip(theirs, ours, strict=True):
        if abs(one.at - other.at) > TOLERANCE:
            yield f"when it was told {where}:\n      {one}\n      {other}"


def _content(said: Said, counted: bool) -> Any:
    if counted:
        return said.status, len(said.firing) + len(said.resolved), said.truncated
    return said.status, said.firing, said.resolved, said.truncated


def _without(some: Sequence[Said], only: Sequence[scenarios.Only]) -> list[Said]:
    return [said for said in some if not any(_is(said, each) for each in only)]


def _is(said: Said, only: scenarios.Only) -> bool:
    sets = frozenset(map(_shown, only.firing)), frozenset(map(_shown, only.resolved))
    return said.receiver == only.receiver and (said.firing, said.resolved) == sets


def _shown(text: str) -> str:
    return _text(scenarios.labels(text))


def _text(labels: dict[str, str]) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(labels.items()))


def _said(body: dict[str, Any], at: float) -> Said:
    marks: dict[str, set[str]] = {"firing": set(), "resolved": set()}
    for alert in body["alerts"]:
        marks[alert["status"]].add(_text(alert["labels"]))
    return Said(
        body["receiver"], tuple(sorted(body["groupLabels"].items())), body["status"],
        frozenset(marks["firing"]), frozenset(marks["resolved"]), body["truncatedAlerts"], at,
    )  # fmt: skip
