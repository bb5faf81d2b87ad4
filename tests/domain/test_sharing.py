"""Groups of one incident: who was paged for one is not paged again for each that joins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.alert import Severity
from tests.domain import test_flushing as plain
from tests.domain.test_flushing import HOOK, OLD, REPEAT, SLACK, TICK, T
from tocsin.domain import correlation, flushing, sharing, suppression

JOIN = correlation.Join(OLD, "cluster", "labels", 0.5, {"labels": {"cluster": "c"}})
PAGED = sharing.Heard("error", T, "arrived")


def target(heard: Mapping[str, sharing.Heard] | None = None, **changed: Any) -> flushing.Target:
    incident = plain.incident(severity="error", **changed)
    return flushing.Target(incident, JOIN, {HOOK: PAGED} if heard is None else heard)


def plan(group: flushing.Group, joins: flushing.Target | None = None) -> flushing.Plan:
    return flushing.plan(
        group, suppression.index(()), T, reopen_window=plain.WINDOW, fresh=plain.FRESH,
        updates_in_place=frozenset({"slack"}), target=joins,
    )  # fmt: skip


def part(*members: flushing.Member, **changed: Any) -> flushing.Group:
    """A group of an open incident that has others; the hook was not paged for it."""
    log = flushing.Log(plain.log("a").told, OLD, carried=True)
    defaults = {"alone": False, "others_go_on": True, "log": {HOOK: log}, "heard": {HOOK: PAGED}}
    return plain.going(*members, **{**defaults, **changed})


def test_a_group_that_joins_pages_nobody_who_knows_and_says_where_it_went() -> None:
    made = plan(plain.group(plain.member("a", 1)), target())
    assert (made.act, made.join, made.reasons) == ("joined", JOIN, {})
    assert made.incident == target().incident
    assert made.outcomes == [(1, "grouped", str(OLD))]
    assert made.log[HOOK].firing == frozenset("a")
    assert made.carried == {HOOK}


@pytest.mark.parametrize(
    ("worst", "heard"),
    [
        ("critical", PAGED),
        ("error", sharing.NOTHING),
        ("error", replace(PAGED, page=None)),
        ("none", replace(PAGED, severity=None)),
        ("error", replace(PAGED, severity="warning")),
    ],
)
def test_it_pages_at_once_what_is_worse_or_was_not_heard(
    worst: Severity, heard: sharing.Heard
) -> None:
    made = plan(plain.group(plain.member("a", 1, severity=worst)), target({HOOK: heard}))
    assert (made.act, made.reasons, made.told, made.carried) == (
        "joined", {HOOK: "first"}, [1], set(),
    )  # fmt: skip


def test_another_receiver_is_paged_and_a_message_that_can_change_is_changed() -> None:
    both = [plain.integration(), plain.integration(SLACK)]
    heard = {SLACK: PAGED, "other/webhook/0": PAGED}
    made = plan(plain.group(plain.member("a", 1), to=both), target(heard))
    assert made.reasons == {HOOK: "first", SLACK: "new_alerts"}


def test_its_own_open_incident_and_one_that_reopens_come_before_a_join() -> None:
    assert plan(plain.going(plain.member("b", 1)), target()).act is None
    was = plain.incident(state="resolved", resolved_at=T)
    back = plan(plain.going(plain.member("b", 1), incident=was), target())
    assert (back.act, back.join) == ("reopened", None)
    closed = replace(was, resolved_by="ann")
    assert plan(plain.going(plain.member("b", 1), incident=closed), target()).act == "joined"


def test_a_part_that_ends_leaves_the_incident_open_and_is_told_where_it_was_told() -> None:
    made = plan(plain.going(plain.over("a", 1), alone=False, others_go_on=True))
    assert (made.act, made.part_over, made.reasons) == (None, True, {HOOK: "resolved"})
    assert made.incident == plain.incident()


def test_the_end_of_a_part_that_was_not_told_is_not_told_but_that_of_the_whole_is() -> None:
    quiet = plan(part(plain.over("a", 1)))
    assert (quiet.part_over, quiet.reasons, quiet.carried) == (True, {}, {HOOK})
    assert quiet.outcomes == [(1, "grouped", str(OLD))]
    assert quiet.log[HOOK].firing == frozenset()
    last = plan(part(plain.over("a", 1), others_go_on=False))
    assert (last.act, last.reasons) == ("resolved", {HOOK: "resolved"})


def test_a_page_that_never_came_is_sent_after_all() -> None:
    lost = {HOOK: replace(PAGED, page=None)}
    assert plan(part(plain.member("a"), heard=lost)).reasons == {HOOK: "first"}
    had = plain.incident(state="acknowledged", acknowledged_at=T, acknowledged_by="ann")
    assert plan(part(plain.member("a"), heard=lost, incident=had)).reasons == {}


def test_a_page_on_its_way_is_looked_after_until_it_arrives() -> None:
    coming = {HOOK: replace(PAGED, page="coming")}
    made = plan(part(plain.member("a"), heard=coming))
    assert (made.reasons, made.due_at) == ({}, T + sharing.CONFIRM)
    assert plan(part(plain.member("a"))).due_at == T + REPEAT


def test_news_of_a_part_is_told_like_any() -> None:
    made = plan(part(plain.member("a"), plain.member("b", 2)))
    assert (made.reasons, made.carried) == ({HOOK: "new_alerts"}, set())


@pytest.mark.parametrize(("ago", "due"), [(REPEAT, True), (REPEAT - TICK, False)])
def test_what_another_group_has_repeated_is_not_repeated(ago: timedelta, due: bool) -> None:
    told = plain.log("a", at=T - REPEAT)
    heard = {HOOK: replace(PAGED, at=T - ago)}
    made = plan(plain.going(plain.member("a"), log={HOOK: told}, alone=False, heard=heard))
    assert (made.reasons == {HOOK: "repeat"}) is due


def test_a_group_without_alerts_only_shows_what_became_of_its_incident() -> None:
    over = plain.incident(state="resolved", resolved_at=T)
    slack = [plain.integration(SLACK)]
    old = {SLACK: plain.log("a", at=T - TICK)}
    made = plan(plain.group(to=slack, incident=over, log=old))
    assert (made.reasons, made.act, made.due_at) == ({SLACK: "resolved"}, None, None)
    elsewhere = plan(plain.group(to=slack, incident=over, log=old, shows=frozenset()))
    assert elsewhere.reasons == {}


def test_a_group_that_was_merged_into_what_somebody_has_shows_it() -> None:
    had = plain.incident(state="acknowledged", acknowledged_at=T - REPEAT, acknowledged_by="ann")
    due = plain.going(
        plain.member("a"), to=[plain.integration(SLACK)], incident=had,
        log={SLACK: plain.log("a", at=T - TICK)},
    )  # fmt: skip
    assert plan(due).reasons == {}
    assert plan(replace(due, joined_at=T)).reasons == {SLACK: "acknowledged"}


def test_the_title_is_that_of_the_group_it_began_with() -> None:
    joined = plan(plain.group(plain.member("a", 1, severity="critical")), target())
    assert joined.incident is not None
    assert (joined.incident.title, joined.incident.severity) == ("old", "critical")
    grown = plan(plain.going(plain.member("a"), plain.member("b", 2), alone=False))
    assert grown.incident is not None
    assert grown.incident.title == "old"
