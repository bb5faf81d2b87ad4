"""What is late, and what only waits for good reason."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest

from tests.scheduler.test_clock import timer
from tocsin.storage import due, inbox, migrate
from tocsin.storage.record import Record
from tocsin.web import health
from workers import queues

HOUR = timedelta(hours=1)
DELIVERY = """
INSERT INTO delivery (tenant, id, notification_id, group_id, incident_id, generation, integration,
  channel, destination, queue, state, due_at, created_at)
VALUES (1, %(id)s, %(id)s, %(group)s, %(id)s, 0, 'ops/webhook/0', 'webhook', %(to)s, 'page',
  %(state)s, tocsin_now() + %(ahead)s, tocsin_now())
"""
LOOKUP = """
INSERT INTO lookup (tenant, enricher, key, request, host, due_at, attempts, fence)
VALUES (1, 'cmdb', %s, '{}', 'there', tocsin_now() + %s, %s, 0)
"""


def late(record: Record) -> dict[tuple[str, str], float]:
    """Kind and work, and for how many seconds it is late."""
    with record.claims() as tx:
        return {(item.kind, item.work): (tx.now - item.oldest).total_seconds()
                for item in due.late(tx)}  # fmt: skip


def delivery(
    record: Record, state: str, ahead: timedelta, *, group: uuid.UUID | None = None, to: str = "a"
) -> uuid.UUID:
    group = group or uuid.uuid4()
    with record.session([1]) as tx:
        tx.run(DELIVERY, {"id": uuid.uuid4(), "group": group, "state": state, "ahead": ahead,
                          "to": to})  # fmt: skip
    return group


def test_nothing_is_late_in_an_empty_record(own_record: Record) -> None:
    assert late(own_record) == {}


def test_a_delivery_that_nobody_takes_is_late_and_one_with_a_lease_is_not(
    own_record: Record,
) -> None:
    delivery(own_record, "sending", timedelta(seconds=20), to="b")
    assert late(own_record) == {}
    delivery(own_record, "pending", -HOUR)
    assert late(own_record)["page", "webhook"] == pytest.approx(3600, abs=60)


def test_what_waits_behind_one_of_its_line_is_not_late(own_record: Record) -> None:
    # In doubt since an hour, and tried again in five minutes: what follows it must wait.
    group = delivery(own_record, "sending", timedelta(minutes=5))
    delivery(own_record, "pending", -HOUR, group=group)
    assert late(own_record) == {}


def test_what_waits_for_a_destination_that_answers_slowly_is_not_late(own_record: Record) -> None:
    delivery(own_record, "sending", timedelta(seconds=15), to="slow")
    delivery(own_record, "pending", -HOUR, to="slow")
    assert late(own_record) == {}
    delivery(own_record, "pending", -HOUR, to="quick")
    assert set(late(own_record)) == {("page", "webhook")}


def test_a_lease_that_ran_out_keeps_nothing_else_from_being_late(own_record: Record) -> None:
    group = delivery(own_record, "sending", -timedelta(minutes=2))
    delivery(own_record, "pending", -HOUR, group=group)
    assert late(own_record)["page", "webhook"] == pytest.approx(120, abs=60)


def test_questions_to_a_slow_host_are_not_late_and_those_that_nobody_asks_are(
    own_record: Record,
) -> None:
    with own_record.session([1]) as tx:
        tx.run(LOOKUP, ["waits", -HOUR, 0])
    assert set(late(own_record)) == {("lookup", "lookup")}
    with own_record.session([1]) as tx:
        tx.run(LOOKUP, ["asked", timedelta(seconds=10), 1])
    assert late(own_record) == {}


def test_old_changes_that_go_round_again_are_late_from_then_on(own_record: Record) -> None:
    with own_record.session([1]) as tx:
        inbox.hand_on(tx, "enrich", [(1, [1], tx.now - HOUR)])
    assert late(own_record)["inbox", "enrich"] < 60


def test_ready_waits_longer_for_what_keeps_no_page_waiting(own_record: Record) -> None:
    timer(own_record, "report", -timedelta(minutes=5))
    timer(own_record, "level", -timedelta(minutes=2))
    with own_record.session([1]) as tx:
        tx.run("INSERT INTO score_waiting (tenant, events, since) VALUES (1, '{1}', %s)",
               [tx.now - HOUR])  # fmt: skip
    assert ("scoring", "score") in late(own_record)
    assert health.why_not(own_record, migrate.wanted()) == []
    timer(own_record, "report", -timedelta(minutes=11))
    timer(own_record, "escalation", -timedelta(seconds=40))
    reasons = health.why_not(own_record, migrate.wanted())
    assert [reason.split()[0] for reason in sorted(reasons)] == ["escalation", "report"]
    with own_record.session([1]) as tx:
        tx.run("DELETE FROM score_waiting WHERE tenant = 1")


@pytest.mark.parametrize(
    ("work", "kind", "queue"),
    [("dedup", "inbox", "pipeline"), ("escalation", "timer", "page"), ("slack", "notify", "notify"),
     ("lookup", "lookup", "lookup"), ("score", "scoring", "scoring"), ("nonsense", "timer", "")],
)  # fmt: skip
def test_the_queue_of_what_is_late(work: str, kind: str, queue: str) -> None:
    assert queues.home(work, kind, queues.of_stages("")) == queue


def test_the_earliest_of_each(own_record: Record) -> None:
    with own_record.claims() as tx:
        now = tx.now
    found = due.oldest([("a", now), ("b", now), ("a", now - HOUR)])
    assert found == {"a": now - HOUR, "b": now}
