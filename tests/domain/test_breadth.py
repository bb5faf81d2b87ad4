"""How much a silence would hit, and what the guard has against it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import parts
from schemas.alert import Severity
from tocsin.domain import breadth, matchers, suppression

T = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def alert(
    mark: str, severity: Severity = "warning", changes: int = 0, told: str = "", **labels: str
) -> breadth.Alert:
    return breadth.Alert(mark, severity, labels, T, changes, frozenset(told.split()))


def silence(conditions: str, starts: datetime = T) -> suppression.Silence:
    return suppression.Silence("x", matchers.parse_list(conditions), starts, starts + HOUR)


def test_the_figures() -> None:
    firing = [alert("1", "critical", a="b"), alert("2", a="b"), alert("3", a="c")]
    recent = [alert("1", changes=3, told="n1 n2", a="b"), alert("4", changes=2, told="n2", a="b"),
              alert("3", changes=9, told="n3", a="c")]  # fmt: skip
    found = breadth.reach(silence("a=b"), firing, recent, in_all=4)
    assert (found.firing, found.in_all, found.critical, found.share) == (2, 4, 1, 0.5)
    assert (found.alerts, found.changes, found.notifications) == (2, 5, 2)
    assert [each.fingerprint for each in found.samples] == ["1", "2"]
    assert found.whole


def test_a_silence_that_begins_later_is_judged_as_if_it_had_begun() -> None:
    later = silence("a=b", T + timedelta(days=2))
    assert breadth.reach(later, [alert("1", a="b")], [], in_all=1).firing == 1


def test_samples_are_few_and_the_worst_first() -> None:
    firing = [alert(f"{n:02}", "info", a="b") for n in range(30)] + [alert("z", "critical", a="b")]
    samples = breadth.reach(silence("a=b"), firing, [], in_all=31).samples
    assert len(samples) == breadth.SAMPLES
    assert samples[0].fingerprint == "z"


@given(st.lists(st.sampled_from(["1", "2", "3"]), max_size=20))
def test_what_is_counted_is_what_a_flush_would_hold_back(values: list[str]) -> None:
    one = silence("a=~1|2")
    firing = [alert(str(at), a=value) for at, value in enumerate(values)]
    held = [a for a in firing if suppression.silenced_by([one], a.labels, T)]
    assert breadth.reach(one, firing, [], in_all=len(firing)).firing == len(held)


def reach(firing: int = 0, critical: int = 0, whole: bool = True) -> breadth.Reach:
    return breadth.Reach(firing, 100, critical, 0, 0, 0, (), whole)


@pytest.mark.parametrize(
    ("guard", "conditions", "length", "found", "reasons"),
    [
        (breadth.DEFAULT, "a=b", HOUR, reach(9999, 9999), []),
        (breadth.DEFAULT, "a=b", timedelta(days=30), reach(), []),
        (breadth.DEFAULT, "a=b", timedelta(days=30, microseconds=1), reach(), ["longest"]),
        (breadth.Guard(broadest=50), "a=b", HOUR, reach(50), []),
        (breadth.Guard(broadest=50), "a=b", HOUR, reach(51), ["broadest"]),
        (breadth.Guard(critical=False), "a=b", HOUR, reach(5), []),
        (breadth.Guard(critical=False), "a=b", HOUR, reach(5, 1), ["critical"]),
        (breadth.Guard(patterns=False), "a=b,c=~d", HOUR, reach(), []),
        (breadth.Guard(patterns=False), "a=~b,c!=d,e=", HOUR, reach(), ["patterns"]),
        (breadth.Guard(broadest=50), "a=b", HOUR, reach(1, whole=False), ["unknown"]),
        (breadth.Guard(critical=False), "a=b", HOUR, reach(1, whole=False), ["unknown"]),
        (breadth.DEFAULT, "a=b", HOUR, reach(1, whole=False), []),
        (
            breadth.Guard(HOUR, 1, False, False), "a!=b", 2 * HOUR, reach(2, 2, False),
            ["longest", "broadest", "critical", "patterns"],
        ),
    ],
)  # fmt: skip
def test_what_the_guard_refuses(
    guard: breadth.Guard, conditions: str, length: timedelta, found: breadth.Reach,
    reasons: list[str],
) -> None:  # fmt: skip
    said = breadth.objections(guard, matchers.parse_list(conditions), length, found)
    assert [each.reason for each in said] == reasons


@given(st.integers(0, 10**11))
def test_a_duration_is_said_as_it_is_read(milliseconds: int) -> None:
    duration = timedelta(milliseconds=milliseconds)
    assert parts.parse_duration(parts.say_duration(duration)) == duration
