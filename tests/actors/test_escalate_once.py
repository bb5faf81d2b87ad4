"""Each step once and none early, whoever acts, dies, or claims at the same time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest import mock

import psycopg
import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.actors.conftest import Hall, Tenant
from tests.actors.escalating import (
    CHAIN,
    FIRST,
    PEOPLE,
    act,
    begin,
    fire,
    over,
    paged,
    policy,
    state,
    steps,
    story,
    who,
)
from tocsin.storage import escalations, incidents, overrides, regrouping

Travel = Callable[..., None]
LATENESS = (
    "SELECT max(done_at - due_at) AS late, min(done_at - due_at) AS early FROM escalation_step"
)


def again(tenant: Tenant) -> None:
    """Take an acknowledgement back, as an act that raises the generation does."""
    id = tenant.one(f"SELECT {FIRST}")
    with tenant.hall.record.session([tenant.id]) as tx:
        row = incidents.held(tx, tenant.id, id)
        if row["state"] == "acknowledged":
            opened = {**row, "state": "open", "acknowledged_at": None, "acknowledged_by": None}
            row = incidents.record(tx, opened, "acknowledged", "ann", {})
            escalations.restart(tx, row, "ann")


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Run these in threads that begin together; what each returned or raised."""
    barrier = threading.Barrier(len(works))
    found: list[Any] = [None] * len(works)

    def run(at: int) -> None:
        barrier.wait()
        try:
            found[at] = works[at]()
        except BaseException as error:
            found[at] = error

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_two_workers_that_claim_the_same_step_take_it_once(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall)
    escalate = hall.module("escalate")
    for _ in range(3):
        travel(minutes=10, seconds=5)
        done = at_once(*[lambda: escalate.escalate.fn("page")] * 4)
        assert not [each for each in done if isinstance(each, BaseException)]
        hall.settle()
    assert steps(tenant) == [(1, 0, "told"), (1, 2, "told"), (1, 4, "told")]
    mine = tenant.column(
        f"SELECT integration FROM delivery WHERE incident_id = {FIRST} AND facts IS NOT NULL"
        " AND state = 'sent' ORDER BY integration"
    )
    assert mine == ["@anna/webhook"] * 2 + ["@ben/webhook"] * 2 + ["chat/webhook/0"]


def test_a_step_that_is_on_the_record_is_not_written_again(hall: Hall) -> None:
    tenant = begin(hall)
    (row,) = tenant.rows("SELECT * FROM escalation_step")
    with pytest.raises(psycopg.errors.UniqueViolation), hall.record.session([tenant.id]) as tx:
        escalations.ran(tx, [row])


def test_an_act_between_claim_and_step_stops_it(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall)
    travel(minutes=5, seconds=5)
    escalate = hall.module("escalate")
    at_once(lambda: escalate.escalate.fn("page"), lambda: act(tenant, incidents.acknowledge))
    hall.settle()
    ran = tenant.column(f"SELECT step FROM escalation_step WHERE incident_id = {FIRST}")
    travel(minutes=60)
    hall.settle()
    assert tenant.column(f"SELECT step FROM escalation_step WHERE incident_id = {FIRST}") == ran
    assert state(tenant) == "stopped"
    # What was planned by a step that came first was called off, unless it was sent before.
    assert who(tenant) in (["anna"], ["anna", "ben"])


def test_redis_forgets_everything_between_two_steps_and_the_rows_decide(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall)
    redis.Redis.from_url(hall.servers.redis_url).flushdb()
    travel(minutes=5, seconds=5)
    with hall.record.claims() as tx:
        due = tx.rows("SELECT work, queue FROM due_work()")
    assert {"work": "escalation", "queue": "timer"} in due
    hall.settle()
    assert who(tenant) == ["anna", "ben"]


def test_a_step_that_comes_late_leaves_the_next_its_whole_time(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall)
    travel(hours=3)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
    travel(minutes=9)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
    (row,) = tenant.rows(LATENESS)
    assert timedelta(hours=2) < row["late"] < timedelta(hours=3)
    assert row["early"] >= timedelta(0)


def test_a_stand_in_is_asked_for_when_the_step_runs(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall, policy("""
        notify: [{person: anna}]
        wait: 5m
        notify: [{schedule: empty}]
    """))  # fmt: skip
    with hall.record.session([tenant.id]) as tx:
        terms = overrides.Terms("empty", "carl", tx.now, tx.now + timedelta(hours=1))
        overrides.create(tx, tenant.id, terms, "ann")
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant) == ["anna", "carl"]


def test_a_restart_goes_through_the_frozen_chain_again_under_the_new_generation(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall)
    act(tenant, incidents.acknowledge)
    tenant.apply(policy("notify: [{person: carl}]"))
    hall.ring("reroute")
    again(tenant)
    hall.settle()
    assert paged(tenant) == [("anna", "first"), ("anna", "repeat")]
    assert story(tenant)[-2:] == ["escalation_restarted", "escalation_step"]
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant)[2:] == ["ben"]
    generations = tenant.column("SELECT generation FROM escalation_step ORDER BY run, step")
    assert generations == [0, 2, 2]


def test_what_comes_back_soon_is_escalated_anew(hall: Hall) -> None:
    tenant = begin(hall)
    over(tenant, severity="critical")
    hall.settle()
    fire(tenant, severity="critical")
    hall.settle()
    assert paged(tenant) == [("anna", "first"), ("anna", "resolved"), ("anna", "reopened")]
    assert tenant.one("SELECT count(*) FROM escalation") == 1


def test_who_was_not_paged_again_does_not_hear_of_the_end_twice(hall: Hall, travel: Travel) -> None:
    tenant = begin(hall)
    travel(minutes=5, seconds=5)
    hall.settle()
    over(tenant, severity="critical")
    hall.settle()
    assert sorted(who(tenant)[2:]) == ["anna", "ben"]
    fire(tenant, severity="critical")
    hall.settle()
    over(tenant, severity="critical")
    hall.settle()
    assert paged(tenant)[4:] == [("anna", "reopened"), ("anna", "resolved")]


def test_the_escalation_of_a_merged_incident_stops_and_that_of_the_other_goes_on(
    hall: Hall, travel: Travel
) -> None:
    tenant = begin(hall)
    travel(minutes=1)
    fire(tenant, "Load", severity="critical")
    hall.settle()
    first, second = tenant.column("SELECT id FROM incident ORDER BY opened_at")
    with hall.record.session([tenant.id]) as tx:
        regrouping.merge(tx, tenant.id, first, [second], "ann")
    hall.settle()
    for _ in range(6):
        travel(minutes=5, seconds=5)
        hall.settle()
    mine = "SELECT count(*) FROM escalation_step WHERE incident_id = %s"
    assert tenant.one(mine, first) == 3
    assert tenant.one(mine, second) == 1
    assert tenant.one("SELECT state FROM escalation WHERE incident_id = %s", second) == "stopped"


def test_an_escalation_goes_on_in_an_incident_that_has_none(hall: Hall, travel: Travel) -> None:
    routed = PEOPLE.replace(
        "group_interval: 0s}",
        "group_interval: 0s, routes: [{receiver: chat, matchers: [to=chat]}]}",
    )
    tenant = begin(hall, routed + CHAIN, to="chat")
    travel(seconds=30)
    fire(tenant, "Load", severity="critical")
    hall.settle()
    into, merged = tenant.column("SELECT id FROM incident ORDER BY opened_at")
    with hall.record.session([tenant.id]) as tx:
        regrouping.merge(tx, tenant.id, into, [merged], "ann")
    hall.settle()
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant) == ["chat", "anna", "ben"]
    act(tenant, incidents.acknowledge, into)
    travel(minutes=30)
    hall.settle()
    assert who(tenant) == ["chat", "anna", "ben"]


def test_groups_of_one_incident_go_through_one_escalation(hall: Hall, travel: Travel) -> None:
    text = PEOPLE + CHAIN + "incidents: {correlate: [{name: node, labels: [node]}]}\n"
    tenant = begin(hall, text, severity="critical", node="n1")
    fire(tenant, "Load", severity="critical", node="n1")
    hall.settle()
    assert tenant.one("SELECT count(*) FROM incident") == 1
    assert who(tenant) == ["anna"]
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(tenant) == ["anna", "ben"]
    assert set(tenant.outcomes()) <= {"notified", "grouped"}


def test_one_escalation_that_cannot_go_on_does_not_keep_the_others(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Tracebacks with all that is at hand take longer to print than all else here.
    monkeypatch.setattr(hall.module("escalate"), "log", mock.Mock())
    broken, sound = begin(hall), begin(hall)
    with hall.record.session([broken.id]) as tx:
        tx.run("UPDATE escalation SET chain = '{}'")
    travel(minutes=5, seconds=5)
    hall.settle()
    assert who(sound) == ["anna", "ben"]
    titles = broken.column("SELECT title FROM incident")
    assert any("cannot take its step" in title for title in titles)


MOVES = st.lists(
    st.one_of(st.sampled_from(["ack", "again", "fire"]), st.integers(10, 900)),
    min_size=1, max_size=10,
)  # fmt: skip


@settings(max_examples=8, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(MOVES)
def test_whatever_people_do_a_step_runs_once_in_a_generation_and_never_early(
    hall: Hall, moves: list[str | int]
) -> None:
    tenant = begin(hall, policy("""
        notify: [{person: anna}]
        wait: 2m
        notify: [{person: ben}]
        wait: 4m
    """, repeat=1))  # fmt: skip
    for move in moves:
        if move == "ack":
            act(tenant, incidents.acknowledge, tenant.one(f"SELECT {FIRST}"))
        elif move == "again":
            again(tenant)
        elif move == "fire":
            fire(tenant, severity="critical", at=str(tenant.now))
        else:
            hall.travel(timedelta(seconds=int(move)))
        hall.settle()
    rows = tenant.rows(f"SELECT * FROM escalation_step WHERE incident_id = {FIRST}")
    once = [(r["generation"], r["run"], r["round"], r["step"]) for r in rows]
    assert len(once) == len(set(once))
    assert all(row["done_at"] >= row["due_at"] for row in rows)
    runs: dict[int, list[Any]] = {}
    for row in sorted(rows, key=lambda r: (r["run"], r["done_at"], r["round"], r["step"])):
        runs.setdefault(row["run"], []).append(row)
    for ran in runs.values():
        for before, after in itertools.pairwise(ran):
            pause = timedelta(minutes=2 if after["step"] == 2 else 4)
            assert after["done_at"] - before["done_at"] >= pause
    acked = tenant.one(f"SELECT state FROM incident WHERE id = {FIRST}") == "acknowledged"
    assert not acked or state(tenant) != "running"
