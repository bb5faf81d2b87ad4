"""Who was handed an incident: what becomes of it where no page arrives, and what they hear."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from schemas import delivery
from tests.actors.conftest import Hall, Tenant, alert
from tests.actors.test_acts import (
    POLICY,
    SLACK,
    begin,
    do,
    kinds,
    reasons,
    state,
    told_states,
    told_to,
)
from tocsin import errors
from tocsin.demo.fakes import faults
from tocsin.storage import deliveries, desk, incidents, regrouping

Travel = Callable[..., None]


@pytest.fixture
def ours(hall: Hall) -> Tenant:
    return hall.tenant(POLICY.replace(SLACK, "").replace("incidents: {ack_timeout: TIMEOUT}\n", ""))


@pytest.fixture
def begun(hall: Hall, ours: Tenant) -> uuid.UUID:
    return begin(hall, ours)


def drop(hall: Hall, tenant: Tenant, standing: delivery.Standing) -> None:
    """Every page that stands so is dropped from the desk."""
    with hall.record.session([tenant.id]) as tx:
        chosen = delivery.Chosen(standing=standing)
        done = desk.act(tx, tenant.id, "drop", chosen, tx.now, "dropped by ann", 100)
    assert len(done) == 1
    hall.settle()


def test_the_last_page_of_a_hand_over_is_dropped_and_it_is_open_again(
    hall: Hall, ours: Tenant, begun: uuid.UUID
) -> None:
    hall.providers.script.add(faults.Fault("status", status=410), dest=f"{ours.dest}-ben")
    do(hall, ours, incidents.hand_over, begun, "anna", to="ben")
    drop(hall, ours, "dead")
    assert state(ours) == ("acknowledged", "ben"), "there is a second way"
    drop(hall, ours, "queued")
    assert state(ours) == ("open", None)
    assert kinds(ours) == ["handed_over", "unreachable"]
    assert reasons(ours)[-1] == "reopened"


def test_dropped_after_the_answer_it_stays_with_who_has_it(
    hall: Hall, ours: Tenant, begun: uuid.UUID, travel: Travel
) -> None:
    hall.providers.script.add(faults.Fault("status", status=410), dest=f"{ours.dest}-ben")
    do(hall, ours, incidents.hand_over, begun, "anna", to="ben")
    do(hall, ours, incidents.acknowledge, begun, "ben")
    drop(hall, ours, "dead")
    assert state(ours) == ("acknowledged", "ben")


def test_handed_to_oneself_it_is_taken_over(hall: Hall, ours: Tenant, begun: uuid.UUID) -> None:
    do(hall, ours, incidents.acknowledge, begun, "anna")
    for _ in range(2):
        do(hall, ours, incidents.hand_over, begun, "ben", "I am nearer", to="ben")
    assert state(ours) == ("acknowledged", "ben")
    assert kinds(ours) == ["acknowledged", "taken_over"]
    assert told_to(ours, "ben") == [], "who takes it need not be told"
    do(hall, ours, incidents.hand_over, begun, "ben", to="anna")
    do(hall, ours, incidents.hand_over, begun, "carl", to="carl")
    assert state(ours) == ("acknowledged", "carl"), "before anna had answered"


def test_who_was_handed_it_hears_of_the_end(hall: Hall, ours: Tenant, begun: uuid.UUID) -> None:
    do(hall, ours, incidents.hand_over, begun, "anna", to="ben")
    do(hall, ours, incidents.acknowledge, begun, "ben")
    ours.send(alert(status="resolved", severity="critical", ends=ours.now))
    hall.settle()
    hall.settle()
    assert [page["reason"] for page in told_to(ours, "ben")] == ["handed_over", "resolved"]
    assert told_states(ours)["handed_over"] == {"sent", "superseded"}


def test_who_was_handed_it_hears_of_the_end_where_it_was_merged(
    hall: Hall, ours: Tenant, begun: uuid.UUID
) -> None:
    do(hall, ours, incidents.hand_over, begun, "anna", to="ben")
    ours.send(alert("Net", severity="critical"))
    hall.settle()
    into = ours.one("SELECT id FROM incident WHERE id <> %s", begun)
    with hall.record.session([ours.id]) as tx:
        regrouping.merge(tx, ours.id, into, [begun], "anna")
    hall.settle()
    do(hall, ours, incidents.resolve, into, "anna")
    assert [page["reason"] for page in told_to(ours, "ben")] == ["handed_over", "resolved"]


def test_whom_no_page_of_a_hand_over_reached_hears_nothing(
    hall: Hall, ours: Tenant, begun: uuid.UUID
) -> None:
    with hall.record.session([ours.id]) as tx:
        incidents.hand_over(tx, ours.id, begun, "anna", to="ben")
    do(hall, ours, incidents.resolve, begun, "anna")
    assert told_to(ours, "ben") == []


DIRECT = """  - name: ben
    slack: U0BEN
    webhook: "{hook}-ben"
"""


def test_a_direct_message_of_a_hand_over_shows_who_has_it(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = "  webhook: {}\n"
    text = POLICY.replace(SLACK, "").replace("incidents: {ack_timeout: TIMEOUT}\n", "")
    before, _, after = text.partition("  - name: ben\n")
    text = before + DIRECT + after.partition("after: 5m}]}\n")[2]
    text = text.replace(account, account + '  slack: {token_env: bot, api_url: "{slack}"}\n')
    tenant = hall.tenant(text)
    monkeypatch.setenv(f"TOCSIN_SECRET_{tenant.slug.upper()}__BOT", "xoxb-fake")
    begun = begin(hall, tenant)
    do(hall, tenant, incidents.hand_over, begun, "anna", to="ben")
    assert shown(tenant) == ["handed_over"]
    do(hall, tenant, incidents.acknowledge, begun, "ben")
    hall.settle()
    assert shown(tenant) == ["handed_over", "acknowledged"]
    do(hall, tenant, incidents.resolve, begun, "ben")
    assert shown(tenant) == ["handed_over", "acknowledged", "resolved"]


def shown(tenant: Tenant) -> list[str]:
    """What ben's direct message said, in order."""
    return tenant.column(
        "SELECT n.reason FROM delivery d JOIN notification n ON n.tenant = d.tenant"
        " AND n.id = d.notification_id WHERE d.integration = '@ben/slack' AND d.state = 'sent'"
        " ORDER BY d.id"
    )


WAITS = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %s"


def test_a_page_that_cannot_be_sent_waits_for_who_acts_without_holding_it(
    hall: Hall, ours: Tenant, begun: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An incident is locked before its deliveries: the other way round both would wait."""
    with hall.record.session([ours.id]) as tx:
        incidents.hand_over(tx, ours.id, begun, "anna", to="ben")
    hall.ring("hand_over", queue="page")
    errands = hall.module("_errands")

    def broken(*_: Any) -> None:
        raise errors.NotFound("the policy has no such way any more")

    monkeypatch.setattr(errands, "_packed", broken)
    claiming = threading.Thread(target=errands.claim, args=(hall.runtime, "webhook", "page"))
    with psycopg.connect(hall.servers.owner_url, autocommit=True) as owner:
        [(database,)] = owner.execute("SELECT current_database()").fetchall()
        with hall.record.session([ours.id]) as tx:
            row = incidents.held(tx, ours.id, begun)
            claiming.start()
            while claiming.is_alive() and not owner.execute(WAITS, [database]).fetchall():
                pass
            deliveries.call_off(tx, ours.id, begun, row["generation"] + 1, "acknowledged by anna")
    claiming.join()
    found = ours.column("SELECT state FROM delivery WHERE person = 'ben' ORDER BY due_at")
    assert found == ["dead", "superseded"]
