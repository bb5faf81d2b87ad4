"""How a heartbeat is, at any moment: facts and a rhythm in, a state out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tocsin import errors
from tocsin.config import documents
from tocsin.domain import change, heartbeats, policy_diff, rehearsal
from tocsin.domain.heartbeats import Deaf, Facts, Rhythm, look

T0 = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIVE = Rhythm(5 * MINUTE, "", "UTC", MINUTE)
NIGHTLY = Rhythm(None, "0 3 * * *", "Europe/Berlin", timedelta(minutes=10))
HEARD = Facts(success_at=T0, planned_at=T0 - timedelta(days=1))


def state(facts: Facts, minutes: float, rhythm: Rhythm = FIVE, deaf: Deaf | None = None) -> str:
    return look(rhythm, facts, deaf, T0 + minutes * MINUTE).state


def test_up_late_and_down() -> None:
    assert [state(HEARD, m) for m in (0, 4.99, 5, 5.99, 6, 600)] == [
        "up", "up", "late", "late", "down", "down",
    ]  # fmt: skip
    found = look(FIVE, HEARD, None, T0)
    assert (found.expected_at, found.due_at) == (T0 + 5 * MINUTE, T0 + 6 * MINUTE)
    assert look(FIVE, HEARD, None, T0 + 6 * MINUTE).cause == "missing"


def test_what_never_came_is_new_and_not_missing() -> None:
    assert state(Facts(planned_at=T0), 10_000) == "new"


def test_what_says_that_it_failed_is_down_until_it_succeeds() -> None:
    failed = replace(HEARD, failed_at=T0 + MINUTE)
    found = look(FIVE, failed, None, T0 + MINUTE)
    assert (found.state, found.cause) == ("down", "failed")
    assert state(failed, 100) == "down"
    assert state(replace(failed, success_at=T0 + 2 * MINUTE), 3) == "up"


def test_what_started_must_end_within_the_grace() -> None:
    running = replace(HEARD, started_at=T0 + 3 * MINUTE)
    assert look(FIVE, running, None, T0 + 3.5 * MINUTE).running
    assert state(running, 3.99) == "up"
    found = look(FIVE, running, None, T0 + 4 * MINUTE)
    assert (found.state, found.cause) == ("down", "unfinished")
    assert state(replace(running, success_at=T0 + 3.5 * MINUTE), 8) == "up"
    assert state(Facts(started_at=T0, planned_at=T0), 0.5) == "up"
    assert state(Facts(started_at=T0, planned_at=T0), 1) == "down"


def test_a_start_does_not_excuse_what_is_missing_anyway() -> None:
    assert state(replace(HEARD, started_at=T0 + 5.5 * MINUTE), 6) == "down"


def test_paused_and_resumed() -> None:
    paused = replace(HEARD, failed_at=T0 + MINUTE, paused_at=T0 + 2 * MINUTE)
    assert state(paused, 1000) == "paused"
    resumed = replace(paused, paused_at=None, resumed_at=T0 + 100 * MINUTE)
    assert [state(resumed, m) for m in (100, 105, 106)] == ["up", "late", "down"]


def test_only_a_success_ends_what_was_told() -> None:
    """Neither a gentler rhythm nor our own silence afterwards takes an alert back."""
    told = replace(HEARD, down_since=T0, cause="missing", planned_at=T0 + 7 * MINUTE)
    assert state(told, 8) == "down"
    assert state(told, 8, replace(FIVE, every=timedelta(days=1))) == "down"
    assert state(told, 8, deaf=Deaf(T0 + 7 * MINUTE, T0 + 8 * MINUTE)) == "down"
    assert state(replace(told, success_at=T0 + 8 * MINUTE), 9) == "up"


def test_a_ping_that_waited_while_it_was_declared_missing_ends_that() -> None:
    """Its own time is before the declaration: what counts is that nobody knew of it then."""
    told = replace(HEARD, down_since=T0, cause="missing", success_at=T0 + 5.99 * MINUTE)
    assert state(told, 6.1) == "up"


def test_another_rhythm_counts_from_when_it_was_written() -> None:
    changed = replace(HEARD, planned_at=T0 + 60 * MINUTE)
    assert [state(changed, m) for m in (60, 65, 66)] == ["up", "late", "down"]


def test_cron_follows_the_clocks_of_its_zone() -> None:
    """03:00 in Berlin is 02:00 UTC in winter, 01:00 in summer."""
    before = Facts(success_at=datetime(2026, 10, 24, 1, 1, tzinfo=UTC))
    found = look(NIGHTLY, before, None, before.success_at or T0)
    assert found.expected_at == datetime(2026, 10, 25, 2, 0, tzinfo=UTC)
    assert found.due_at == datetime(2026, 10, 25, 2, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("since", "until", "due"),
    [
        (1, 2, 6),  # nothing was expected then
        (4.5, 5.5, 11.5),  # its ping may have been lost: the next is waited for
        (1, 20, 26),
        (1, 500, 506),
        (7, 20, 6),  # it was missing before that
        (4.5, 4.6, 10.6),  # they are not always on time
    ],
)
def test_nobody_is_missing_who_came_while_we_heard_nothing(
    since: float, until: float, due: float
) -> None:
    found = look(FIVE, HEARD, Deaf(T0 + since * MINUTE, T0 + until * MINUTE), T0)
    assert found.due_at == T0 + due * MINUTE


def test_what_comes_once_a_day_is_waited_for_an_hour_only() -> None:
    facts = Facts(success_at=datetime(2026, 11, 20, 2, 0, tzinfo=UTC))
    gap = Deaf(datetime(2026, 11, 21, 1, 55, tzinfo=UTC), datetime(2026, 11, 21, 2, 5, tzinfo=UTC))
    found = look(NIGHTLY, facts, gap, gap.until)
    assert (found.state, found.due_at) == ("up", datetime(2026, 11, 21, 3, 15, tzinfo=UTC))


def test_while_we_hear_nothing_nobody_gets_missing() -> None:
    """The gap goes on: it ends now, whenever it is asked."""
    for minutes in (6, 60, 600):
        now = T0 + minutes * MINUTE
        assert look(FIVE, HEARD, Deaf(T0 + MINUTE, now), now).state == "up"


@pytest.mark.parametrize(
    ("word", "meaning"),
    [("", ("success", None)), ("start", ("start", None)), ("fail", ("fail", None)),
     ("0", ("success", 0)), ("1", ("fail", 1)), ("255", ("fail", 255)),
     ("256", None), ("-1", None), ("x", None), ("٣", None), ("1/2", None), ("0000", None)],
)  # fmt: skip
def test_what_stands_behind_an_address(word: str, meaning: object) -> None:
    assert heartbeats.kind_of(word) == meaning


POLICY = """
route: {}
heartbeats:
  - {name: watchdog, every: 5m, matchers: ['alertname="Watchdog"', 'cluster=~"a|b"']}
  - {name: backup, cron: "0 3 * * *", zone: Europe/Berlin, grace: 30m, severity: warning,
     labels: {team: db}}
freshness:
  - {matchers: ['source="cron"'], stale_after: 2h}
"""


def test_as_the_policy_has_them() -> None:
    policy = documents.parse(POLICY, {})
    first, second = policy.heartbeats
    assert (first.rhythm, first.severity) == (Rhythm(5 * MINUTE, "", "UTC", MINUTE), "critical")
    assert (second.rhythm.cron, second.rhythm.grace) == ("0 3 * * *", 30 * MINUTE)
    assert (second.severity, second.labels) == ("warning", {"team": "db"})
    beats = policy.heartbeats
    assert heartbeats.pinged_by(beats, {"alertname": "Watchdog", "cluster": "a"}) == ("watchdog",)
    assert heartbeats.pinged_by(beats, {"alertname": "Watchdog", "cluster": "c"}) == ()
    assert policy.freshness[0].stale_after == timedelta(hours=2)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("heartbeats: [{name: a}]", "either `every` or `cron`"),
        ('heartbeats: [{name: a, every: 1m, cron: "* * * * *"}]', "either `every` or `cron`"),
        ("heartbeats: [{name: a, every: 1ms}]", "1s or longer"),
        ('heartbeats: [{name: a, cron: "61 * * * *"}]', "is no minute"),
        ('heartbeats: [{name: "a b", every: 1m}]', "name"),
        ('heartbeats: [{name: "../x", every: 1m}]', "name"),
        ("heartbeats: [{name: a, every: 1m}, {name: a, every: 2m}]", "defined twice"),
        ("heartbeats: [{name: a, every: 1m, matchers: [x]}]", "bad matcher format"),
        ("heartbeats: [{name: a, every: 1m, labels: {alertname: b}}]", "set by Tocsin itself"),
        ("heartbeats: [{name: a, every: 1m, zone: Moon}]", "not a time zone"),
        ("freshness: [{matchers: [], stale_after: 1h}]", "at least 1 item"),
        ("freshness: [{matchers: ['a=b'], stale_after: 1m}]", "2m or longer"),
        ("freshness: [{matchers: ['a'], stale_after: 5m}]", "bad matcher format"),
    ],
)
def test_what_is_wrong_with_a_policy_is_said(entry: str, said: str) -> None:
    with pytest.raises(errors.PolicyError) as caught:
        documents.parse(f"route: {{}}\n{entry}\n", {})
    assert said in str(caught.value)


def test_an_alert_that_is_a_ping_reaches_nobody_in_a_rehearsal() -> None:
    policy = documents.parse(
        POLICY.replace("{}", "{receiver: ops}") + "receivers: [{name: ops}]", {}
    )

    def rehearsed(name: str) -> rehearsal.Rehearsal:
        labels = {"alertname": name, "cluster": "a"}
        about = change.Change(1, "f", 1, T0, "new", "firing", "none", labels, T0)
        return rehearsal.rehearse(policy, about, T0)

    said = rehearsed("Watchdog")
    assert (said.dropped, said.receivers) == ("heartbeat watchdog", ())
    assert rehearsed("Disk").receivers == ("ops",)


def test_what_a_change_of_the_policy_says() -> None:
    before, after = (documents.parse(text, {}) for text in (
        POLICY, POLICY.replace("every: 5m", "every: 10m").replace("2h", "3h"),
    ))  # fmt: skip
    found = policy_diff.diff(before, after)
    assert [(each.section, each.id, each.what) for each in found] == [
        ("heartbeats", "watchdog", "changed"), ("freshness", '{source="cron"}', "changed"),
    ]  # fmt: skip
    assert "every" in found[0].fields[0].path
