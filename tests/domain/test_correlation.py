"""A group joins an open incident by rule, as sure as the documented formula says, or none."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import correlation, matchers, service_map

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=5)
TICK = timedelta(microseconds=1)
ONE, TWO = uuid.UUID(int=1), uuid.UUID(int=2)
MAP = service_map.build(
    [
        service_map.Service("shop", depends_on=("api",)),
        service_map.Service("api", depends_on=("db",)),
        service_map.Service("db"),
        service_map.Service("mail"),
    ]
)
CLUSTER = correlation.Rule("cluster", labels=("cluster",))
NEAR = correlation.Rule("near", hops=1)


def facts(*services: str, **labels: str) -> correlation.Facts:
    return correlation.Facts(labels, frozenset(services))


def candidate(*groups: correlation.Facts, **changed: Any) -> correlation.Candidate:
    return replace(correlation.Candidate(ONE, "open", T, T, groups), **changed)


def join(
    group: correlation.Facts,
    *candidates: correlation.Candidate,
    rules: Sequence[correlation.Rule] = (CLUSTER,),
    now: datetime = T,
) -> correlation.Join | None:
    return correlation.join(candidates, group, rules, now, window=WINDOW, services=MAP)


def test_equal_labels_join_and_say_which() -> None:
    found = join(facts(cluster="c1", node="n"), candidate(facts(cluster="c1")))
    assert found == correlation.Join(
        ONE, "cluster", "labels", 0.5, {"labels": {"cluster": "c1"}, "gap_seconds": 0.0}
    )


@pytest.mark.parametrize("mine", [{"cluster": "c2"}, {}, {"node": "c1"}, {"cluster": ""}])
def test_labels_that_differ_or_are_not_there_do_not(mine: dict[str, str]) -> None:
    assert join(facts(**mine), candidate(facts(cluster="c1"), facts(cluster=""))) is None


def test_all_labels_of_a_rule_must_be_equal_in_one_and_the_same_group() -> None:
    both = correlation.Rule("both", labels=("cluster", "node"))
    apart = candidate(facts(cluster="c", node="x"), facts(cluster="d", node="n"))
    assert join(facts(cluster="c", node="n"), apart, rules=[both]) is None
    found = join(facts(cluster="c", node="n"), candidate(facts(cluster="c", node="n")),
                 rules=[both])  # fmt: skip
    assert found is not None
    assert found.confidence == 0.75


@pytest.mark.parametrize(
    ("mine", "hops", "sure"),
    [("db", 0, None), ("api", 0, 0.8), ("db", 1, 0.64), ("db", 2, 0.64), ("mail", 5, None)],
)
def test_services_within_reach_join(mine: str, hops: int, sure: float | None) -> None:
    rule = replace(NEAR, hops=hops)
    found = join(facts(mine), candidate(facts("api")), rules=[rule])
    assert (found.confidence if found else None) == sure


def test_services_say_who_is_near_whom() -> None:
    found = join(facts("shop"), candidate(facts("db")), rules=[replace(NEAR, hops=2)])
    assert found is not None
    assert (found.kind, found.confidence) == ("services", 0.512)
    assert found.detail == {"service": "shop", "near": "db", "hops": 2, "gap_seconds": 0.0}


@pytest.mark.parametrize(
    ("gap", "sure"),
    [(timedelta(0), 0.5), (WINDOW / 2, 0.375), (WINDOW - TICK, 0.25), (WINDOW, None)],
)
def test_the_window_ends_before_its_last_instant(gap: timedelta, sure: float | None) -> None:
    found = join(facts(cluster="c"), candidate(facts(cluster="c")), now=T + gap)
    assert (found.confidence if found else None) == sure


def test_the_window_slides_with_what_the_incident_gained_and_a_rule_may_have_its_own() -> None:
    old = candidate(facts(cluster="c"), opened_at=T - 9 * WINDOW, gained_at=T - WINDOW + TICK)
    assert join(facts(cluster="c"), old) is not None
    short = replace(CLUSTER, window=timedelta(seconds=1))
    assert join(facts(cluster="c"), old, rules=[short]) is None
    long = replace(CLUSTER, window=timedelta(days=1))
    stale = replace(old, gained_at=T - timedelta(hours=23))
    assert join(facts(cluster="c"), stale, rules=[long]) is not None


def test_the_surest_wins_then_the_older_then_the_first_rule() -> None:
    first, fresh = candidate(facts(cluster="c")), candidate(facts("db"), incident=TWO)
    both = facts("db", cluster="c")
    found = join(both, first, fresh, rules=[CLUSTER, NEAR])
    assert found is not None
    assert (found.incident, found.rule) == (TWO, "near")
    older = candidate(facts(cluster="c"), incident=TWO, opened_at=T - TICK)
    found = join(facts(cluster="c"), first, older)
    assert found is not None
    assert found.incident == TWO
    again = replace(CLUSTER, name="again")
    found = join(facts(cluster="c"), first, rules=[again, CLUSTER])
    assert found is not None
    assert found.rule == "again"


def test_matchers_must_hold_on_both_sides() -> None:
    prod = replace(CLUSTER, matchers=(matchers.parse("env=prod"),))
    mine, other = facts(cluster="c", env="prod"), facts(cluster="c", env="test")
    assert join(mine, candidate(other), rules=[prod]) is None
    assert join(other, candidate(mine), rules=[prod]) is None
    assert join(mine, candidate(other, mine), rules=[prod]) is not None


def test_facts_are_what_all_that_fires_shares_and_only_what_rules_ask_for() -> None:
    prod = replace(CLUSTER, matchers=(matchers.parse("env=prod"),))
    firing = [
        {"cluster": "c", "env": "prod", "pod": "1", "service": "api"},
        {"cluster": "c", "env": "test", "pod": "1", "service": "db"},
    ]
    found = correlation.facts([prod], MAP, {"alertname": "X"}, firing)
    assert found == facts(cluster="c")
    found = correlation.facts([NEAR], MAP, {"alertname": "X"}, firing)
    assert found == facts("api", "db")
    assert correlation.facts([], MAP, {"cluster": "c"}, firing) == correlation.Facts()
    crowd = [{"service": str(n)} for n in range(correlation.MAX_SERVICES + 1)]
    assert correlation.facts([NEAR], MAP, {}, crowd).services == frozenset()


names = st.sampled_from(["shop", "api", "db", "mail", "unknown"])
groups = st.builds(
    correlation.Facts,
    st.dictionaries(st.sampled_from(["cluster", "node"]), st.sampled_from(["a", "b", ""])),
    st.frozensets(names, max_size=3),
)
moments = st.integers(-600, 600).map(lambda seconds: T + timedelta(seconds=seconds))
candidates = st.lists(
    st.builds(
        correlation.Candidate,
        st.uuids(),
        st.sampled_from(["open", "acknowledged", "resolved"]),
        moments,
        moments,
        st.lists(groups, max_size=3).map(tuple),
    ),
    max_size=6,
    unique_by=lambda each: each.incident,
)
rules = st.lists(
    st.sampled_from([CLUSTER, NEAR, correlation.Rule("both", labels=("cluster", "node"))]),
    max_size=3,
    unique_by=lambda rule: rule.name,
)


@given(mine=groups, waiting=candidates, by=rules, seed=st.randoms())
def test_never_a_resolved_one_never_too_late_and_the_order_does_not_matter(
    mine: correlation.Facts,
    waiting: list[correlation.Candidate],
    by: list[correlation.Rule],
    seed: Any,
) -> None:
    found = join(mine, *waiting, rules=by)
    shuffled = list(waiting)
    seed.shuffle(shuffled)
    assert join(mine, *shuffled, rules=by) == found
    if found is not None:
        (taken,) = [each for each in waiting if each.incident == found.incident]
        assert taken.state != "resolved"
        assert T - taken.gained_at < WINDOW
        assert 0 < found.confidence <= 1
