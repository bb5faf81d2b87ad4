"""When a storm begins and ends, what it shares, and that nobody hears too much or too little."""

from __future__ import annotations

import math
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.alert import Severity
from schemas.storms import Storms
from tocsin.domain import (
    escalation,
    flushing,
    folding,
    notifying,
    policy,
    routing,
    sharing,
    storms,
    suppression,
)

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
RULES = Storms()
LABELS = {"alertname": "NodeDown"}


def some(count: int, **labels: str) -> list[dict[str, str]]:
    return [{**LABELS, **labels}] * count


def risen(*came: tuple[float, int], rules: Storms = RULES) -> tuple[storms.Meter, bool]:
    """The meter after so many alerts at each of these seconds, and whether a storm began."""
    meter, began = None, False
    for second, count in came:
        meter, begins = storms.rise(meter, rules, some(count), T + second * SECOND, under_way=began)
        began |= begins
    assert meter is not None
    return meter, began


def test_as_many_as_the_threshold_are_no_storm_and_one_more_is() -> None:
    assert risen((0, 100))[1] is False
    assert risen((0, 101))[1] is True
    assert risen((0, 60), (1, 41))[1] is False  # the second runs off meanwhile
    assert risen((0, 60), (1, 43))[1] is True


def test_a_steady_stream_below_the_threshold_never_is() -> None:
    assert risen(*((n, 1) for n in range(600)))[1] is False
    assert risen(*((n, 2) for n in range(600)))[1] is True


def test_counting_begins_anew_when_it_has_been_quiet() -> None:
    meter, _ = risen((0, 50), (120, 10))
    assert (meter.alerts, meter.since) == (10, T + 120 * SECOND)
    assert meter.pairs == {("alertname", "NodeDown"): 10}


def test_a_clock_that_goes_back_takes_nothing_away() -> None:
    meter, began = risen((10, 60), (0, 60))
    assert began
    assert meter.at == T + 10 * SECOND


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 60)), max_size=60))
def test_without_a_storm_no_stretch_of_time_has_more_than_the_bound(
    steps: list[tuple[float, int]],
) -> None:
    at, came, meter = T, [], None
    for pause, count in steps:
        at += pause * SECOND
        meter, begins = storms.rise(meter, RULES, some(count), at, under_way=False)
        if begins:
            break
        came.append((at, count))
    for first, (since, _) in enumerate(came):
        for until, _ in came[first:]:
            length = until - since
            told = sum(n for moment, n in came if since <= moment <= until)
            assert told <= RULES.threshold * (1 + length / RULES.window) + 1e-6


def test_it_is_over_when_less_than_half_has_come_for_long_enough() -> None:
    meter, _ = risen((0, 500), *((n * 60.0, 30) for n in range(1, 8)))
    assert meter.loud_at is not None
    assert storms.over_at(meter.loud_at, RULES) <= T + 7 * MINUTE
    loud, _ = risen((0, 500), *((n * 60.0, 70) for n in range(1, 8)))
    assert loud.loud_at == T + 7 * MINUTE


def test_after_a_hundred_thousand_it_can_be_over_as_soon_as_after_a_hundred() -> None:
    meter, _ = risen((0, 100_000), (120, 10))
    assert meter.loud_at == T


def test_what_is_shared_is_counted_exactly_beside_thousands_of_different_values() -> None:
    meter = None
    for batch in range(20):
        new = [
            {"alertname": "NodeDown" if n % 10 < 6 else f"Other{n}", "instance": f"{batch}-{n}",
             "cluster": "eu1" if n % 25 < 23 else "us1"}
            for n in range(250)
        ]  # fmt: skip
        meter, _ = storms.rise(meter, RULES, new, T + batch * SECOND, under_way=batch > 0)
    assert meter is not None
    assert len(meter.pairs) <= storms.KEPT
    said = storms.said(meter.pairs, meter.alerts)
    assert [(s.name, s.value, round(s.part, 2)) for s in said] == [
        ("cluster", "eu1", 0.92), ("alertname", "NodeDown", 0.6)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "status", "known", "expected"),
    [
        ("new", "firing", False, True), ("refired", "firing", True, True),
        ("new", "resolved", False, False), ("rerouted", "firing", True, False),
        ("rerouted", "firing", False, True), ("enriched", "firing", False, False),
    ],
)  # fmt: skip
def test_what_counts(kind: str, status: str, known: bool, expected: bool) -> None:
    assert storms.counts(kind, status, known=known) is expected  # type: ignore[arg-type]


def listener(told: float | None = None, folded: int = 5, heard: int = 1) -> storms.Listener:
    at = None if told is None else T + told * MINUTE
    return storms.Listener("ops", folded, heard, at)


@pytest.mark.parametrize(
    ("each", "minutes", "over", "acknowledged", "expected"),
    [
        (listener(), 0, False, False, True),
        (listener(), 0, False, True, True),  # a receiver that has heard nothing yet
        (listener(0), 9.9, False, False, False),
        (listener(0), 10, False, False, True),
        (listener(0), 10, False, True, False),
        (listener(0, heard=5), 10, False, False, False),
        (listener(0, heard=5), 3, True, True, True),
        (listener(folded=0), 3, True, False, False),
    ],
)  # fmt: skip
def test_who_is_told_when(
    each: storms.Listener, minutes: float, over: bool, acknowledged: bool, expected: bool
) -> None:
    now = T + minutes * MINUTE
    told = storms.to_tell([each], RULES, now, over=over, acknowledged=acknowledged)
    assert bool(told) is expected
    if not over:
        quiet = RULES.model_copy(update={"digest": "end"})
        later = storms.to_tell([each], quiet, now, over=False, acknowledged=acknowledged)
        assert bool(later) is (expected and each.told_at is None)


# --- the proof: a whole storm, decided by what decides the live one


HOOK = policy.Integration("ops/webhook/0", "webhook", None)
RECEIVER = escalation.with_chain(policy.Receiver("ops", (HOOK,)))
ROUTE = routing.Route("{}", "ops", (), False, (), timedelta(0), timedelta(0), timedelta(hours=4))


@dataclass
class Group:
    """A group of the world below, with all that is known of it."""

    id: uuid.UUID
    alerts: dict[str, Severity] = field(default_factory=dict)
    news: set[str] = field(default_factory=set)
    log: dict[str, flushing.Log] = field(default_factory=dict)
    incident: flushing.Incident | None = None
    stormed: bool = False
    passed: bool = False
    folded: int = 0


@dataclass
class World:
    """One tenant with one receiver; everything that is told is written down."""

    rules: Storms
    now: datetime = T
    meter: storms.Meter | None = None
    began: datetime | None = None
    over: datetime | None = None
    incident: flushing.Incident | None = None
    groups: dict[str, Group] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    heard: storms.Listener = field(default_factory=lambda: storms.Listener("ops", 0))
    outcomes: Counter[str] = field(default_factory=Counter)
    duration: timedelta = timedelta(0)
    #: How much had been told when the storm began.
    before: int = 0

    def come(self, batch: list[tuple[str, str, Severity]]) -> None:
        """A drain: alerts (group, fingerprint, severity) join their groups and are counted."""
        for name, mark, rank in batch:
            group = self.groups.setdefault(name, Group(uuid.uuid5(uuid.NAMESPACE_OID, name)))
            group.alerts[mark] = rank
            group.news.add(mark)
        under_way = self.began is not None and self.over is None
        labels = [{"alertname": name, "cluster": "eu1"} for name, _, _ in batch]
        self.meter, begins = storms.rise(
            self.meter, self.rules, labels, self.now, under_way=under_way
        )
        if begins:
            self.began, self.over, self.before = self.now, None, len(self.told)
        for name in dict.fromkeys(name for name, _, _ in batch):
            self.flush(name)
        self.look()

    def flush(self, name: str) -> None:
        group = self.groups[name]
        members = tuple(
            flushing.Member(m, "firing", rank, {}, hash(m) if m in group.news else None)
            for m, rank in group.alerts.items()
        )
        fresh = flushing.Incident(
            uuid.uuid5(uuid.NAMESPACE_URL, name), name, "none", "open", 0, self.now
        )
        seen = flushing.Group(
            group.id, ROUTE, RECEIVER, members, T, self.now, group.incident, group.log,
            stormed=group.stormed, storm=self._storm(group),
        )  # fmt: skip
        made = flushing.plan(
            seen, suppression.index(()), self.now, reopen_window=MINUTE, fresh=fresh,
            updates_in_place=frozenset(),
        )  # fmt: skip
        self._write(name, group, made)

    def _storm(self, group: Group) -> folding.Storm | None:
        if self.began is None or self.over is not None:
            return None
        fresh = flushing.Incident(uuid.UUID(int=7), "storm", "none", "open", 0, self.now)
        page = sharing.Heard(None, self.now, "arrived" if self.heard.told_at else None)
        return folding.Storm(
            uuid.UUID(int=9), self.incident or fresh, self.incident is not None,
            {HOOK.key: page} if self.incident else {}, group.passed,
        )  # fmt: skip

    def _write(self, name: str, group: Group, made: flushing.Plan) -> None:
        assert made.incident is not None
        group.incident = made.incident
        if made.storm:
            self.incident = made.incident if made.act else self.incident
            group.stormed = group.stormed or bool(made.act)
        elif made.act:
            group.stormed = False
        group.passed |= made.passed
        folded = [event for event, outcome, _ in made.outcomes if outcome == "folded"]
        group.folded += len(folded)
        self.outcomes["folded"] += len(folded)
        self.outcomes["notified"] += len(made.told)
        self.heard = replace(self.heard, folded=self.heard.folded + len(folded))
        for key, told in made.log.items():
            group.log[key] = flushing.Log(told, made.incident.id, key in made.carried)
        self.told += [(name, reason) for reason in made.reasons.values()]
        group.news.clear()

    def look(self) -> None:
        """What the storm itself tells."""
        if self.began is None or self.over is not None:
            return
        assert self.meter is not None
        assert self.meter.loud_at is not None
        ends = storms.over_at(self.meter.loud_at, self.rules)
        over = ends <= self.now
        if over:
            self.over = self.now
            self.duration = self.now - self.began
        if storms.to_tell([self.heard], self.rules, self.now, over=over, acknowledged=False):
            self.told.append(("storm", "over" if over else "page"))
            self.heard = replace(self.heard, heard=self.heard.folded, told_at=self.now)

    def wait(self, length: timedelta) -> None:
        """Nothing comes; the timers of the storm go off in their time."""
        until = self.now + length
        while self.began is not None and self.over is None:
            assert self.meter is not None
            assert self.meter.loud_at is not None
            due = storms.next_look([self.heard], self.rules, self.meter.loud_at, self.now)
            if due > until:
                break
            self.now = due
            self.look()
        self.now = until


def check(world: World, alerts: int) -> None:
    """The bound holds, nothing is lost, and each critical group was told of."""
    of_storm = [reason for name, reason in world.told if name == "storm"]
    critical = {n for n, g in world.groups.items() if "critical" in g.alerts.values()}
    assert world.over is not None
    assert len(of_storm) <= 1 + math.ceil(world.duration / world.rules.page_interval) + 1
    passed = {n for n, g in world.groups.items() if g.passed}
    inside = world.told[world.before :]
    assert len(inside) <= storms.bound(world.rules, world.duration, len(passed))
    told = {name for name, reason in world.told if reason in notifying.PAGING}
    assert critical <= told
    assert passed <= critical
    assert Counter(world.told)[("storm", "over")] == bool(world.heard.folded)
    assert world.outcomes.total() == alerts
    assert world.outcomes["folded"] == sum(g.folded for g in world.groups.values())


#: So many alerts of one group; the last of them is critical in every seventieth group.
ALIKE, RARE = 200, 70


def stream(count: int) -> Iterator[tuple[str, str, Severity]]:
    for n in range(count):
        group, last = n // ALIKE, n % ALIKE == ALIKE - 1
        yield f"g{group}", f"{n:x}", "critical" if last and group % RARE == 0 else "warning"


def test_of_a_hundred_thousand_alerts_in_a_minute_a_contact_hears_a_handful() -> None:
    world, every = World(RULES), list(stream(100_000))
    for second in range(60):
        world.now = T + second * SECOND
        world.come(every[second * 1667 : (second + 1) * 1667])
    world.wait(timedelta(hours=2))
    check(world, len(every))
    critical = {f"g{n}" for n in range(0, 500, RARE)}
    assert Counter(world.told) == {
        ("storm", "page"): 1, ("storm", "over"): 1, **{(name, "first"): 1 for name in critical}
    }  # fmt: skip


Batch = st.lists(
    st.tuples(st.integers(0, 8), st.sampled_from(["warning", "error", "critical"])), max_size=12
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(1, 400), Batch), min_size=1, max_size=25))
def test_whatever_comes_the_bound_holds_and_nothing_critical_is_held_back(
    steps: list[tuple[int, list[tuple[int, Severity]]]],
) -> None:
    world, number = World(Storms(threshold=10, page_interval=timedelta(minutes=2))), 0
    for pause, batch in steps:
        world.wait(pause * SECOND)
        if world.over is not None:
            break
        made = [(f"g{name}", str(number + n), rank) for n, (name, rank) in enumerate(batch)]
        number += len(made)
        if made:
            world.come(made)
    world.wait(timedelta(hours=3))
    if world.began is not None:
        check(world, number)


def test_the_bound_is_what_the_documentation_says() -> None:
    assert storms.bound(RULES, timedelta(minutes=25), 4) == 1 + 3 + 1 + 4


def test_long_values_do_not_fill_the_record() -> None:
    meter, _ = storms.rise(None, RULES, [{"a": "x" * 5000}], T, under_way=False)
    assert meter.pairs == {("a", "x" * storms.LONGEST): 1}
