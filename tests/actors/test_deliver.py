"""Deliveries: leased, fenced, limited, in a line, and explained whatever becomes of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tests.actors.test_flush import act, fire, over
from tocsin import errors
from tocsin.demo.fakes import faults
from tocsin.storage import deliveries, incidents

STATES = "SELECT state FROM delivery ORDER BY created_at, id"
ATTEMPTS = "SELECT outcome FROM delivery_attempt ORDER BY started_at, finished_at"
SLACK = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - name: ops
    slack: [{channel: "{room}", api_url: "{slack}", token_file: slack}]
"""


def planned(hall: Hall, policy: str = POLICY, **labels: str) -> Tenant:
    """A tenant with one page that waits to be sent."""
    tenant = hall.tenant(policy)
    fire(tenant, severity="critical", **labels)
    hall.ring("flush")
    return tenant


def deliver(hall: Hall, queue: str = "page") -> None:
    hall.ring("deliver_webhook", queue=queue)


def claim(hall: Hall, queue: str = "page") -> Any:
    """Claim what is due, as a worker does that is then stopped."""
    errands = hall.module("_errands")
    taken = errands.claim(hall.runtime, "webhook", queue)
    for errand in taken or ():
        errands.in_flight.done(errand.row, well=True)
    return taken[0] if taken else taken


def send(hall: Hall, errand: Any, until: float = math.inf) -> None:
    hall.module("deliver")._send(hall.runtime, errand, until)


def fails(tenant: Tenant, kind: faults.Kind, times: int | None = 1, status: int = 503) -> None:
    fault = faults.Fault(kind, status=status, times=times)
    tenant.hall.providers.script.add(fault, dest=tenant.dest)


def row(tenant: Tenant) -> dict[str, Any]:
    (found,) = tenant.rows("SELECT * FROM delivery")
    return found


def test_a_delivery_that_arrives_is_sent_and_its_events_are_notified(hall: Hall) -> None:
    tenant = planned(hall)
    assert (tenant.column(STATES), tenant.outcomes()) == (["pending"], [None])
    deliver(hall)
    assert (tenant.column(STATES), tenant.outcomes()) == (["sent"], ["notified"])
    assert tenant.column(ATTEMPTS) == ["sent"]
    assert tenant.one("SELECT labels FROM tally WHERE name = 'notifications_total'") == "webhook"


def test_a_page_is_not_sent_by_the_other_queue(hall: Hall) -> None:
    tenant = planned(hall)
    deliver(hall, "notify")
    assert tenant.column(STATES) == ["pending"]


def test_an_acknowledgement_calls_off_a_page_that_waits(hall: Hall) -> None:
    tenant = planned(hall)
    act(tenant, incidents.acknowledge)
    deliver(hall)
    assert (tenant.told(), tenant.column(STATES)) == ([], ["superseded"])
    assert row(tenant)["cause"] == "acknowledged by ann"
    assert tenant.outcomes() == ["superseded"]


def test_what_had_begun_when_somebody_acknowledged_is_finished(hall: Hall) -> None:
    tenant = planned(hall)
    errand = claim(hall)
    act(tenant, incidents.acknowledge)
    send(hall, errand)
    assert tenant.column(STATES) == ["sent"]


def test_an_attempt_in_doubt_is_not_begun_again_after_an_acknowledgement(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = planned(hall)
    fails(tenant, "cut_after", times=None)
    deliver(hall)
    assert (row(tenant)["state"], row(tenant)["in_doubt"]) == ("sending", True)
    act(tenant, incidents.acknowledge)
    assert row(tenant)["state"] == "sending"
    calls = len(hall.providers.ledger.calls(dest=tenant.dest))
    travel(minutes=1)
    deliver(hall)
    assert len(hall.providers.ledger.calls(dest=tenant.dest)) == calls
    assert tenant.column(STATES) == ["superseded"]
    assert tenant.column(ATTEMPTS)[-1] == "superseded"
    assert tenant.one("SELECT ref FROM told") == f'{{"doubt":"{row(tenant)["id"]}"}}'


def test_a_resolve_does_not_call_off_the_news_of_the_end(hall: Hall) -> None:
    tenant = planned(hall)
    deliver(hall)
    over(tenant, severity="critical")
    hall.ring("flush")
    act(tenant, incidents.resolve)
    deliver(hall, "notify")
    assert [m["status"] for m in tenant.told()] == ["firing", "resolved"]


def test_over_the_rate_limit_it_goes_back_and_no_attempt_is_counted(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, travel: Callable[..., None]
) -> None:
    tenant, asked = planned(hall), []

    def wait(key: str, per_second: float, burst: int, now: Any) -> float:
        asked.append((key, per_second, burst, now))
        return 1.5

    with monkeypatch.context() as limited:
        limited.setattr(hall.runtime.limiter, "wait", wait)
        deliver(hall)
    found = row(tenant)
    (key, per_second, burst, now) = asked[0]
    assert (found["state"], found["attempts"], found["in_doubt"]) == ("pending", 0, False)
    assert timedelta(0) < found["due_at"] - now - timedelta(seconds=1.5) < timedelta(seconds=5)
    assert (key, per_second, burst) == (f"{tenant.id} {found['destination']} webhook", 50, 100)
    assert (tenant.column(ATTEMPTS), tenant.told()) == ([], [])
    travel(seconds=10)
    deliver(hall)
    assert tenant.column(STATES) == ["sent"]


def test_a_failure_backs_off_with_its_reason_written_down(hall: Hall) -> None:
    tenant = planned(hall)
    fails(tenant, "status", times=None)
    for attempts in (1, 2):
        deliver(hall)
        found = row(tenant)
        assert (found["state"], found["attempts"]) == ("pending", attempts)
        hall.travel(found["due_at"] - tenant.now)
    tried = tenant.rows("SELECT outcome, status_code FROM delivery_attempt")
    assert tried == [{"outcome": "retry", "status_code": 503}] * 2
    assert tenant.outcomes() == [None]


def test_it_is_given_up_after_a_day(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = planned(hall)
    fails(tenant, "status", times=None)
    deliver(hall)
    travel(hours=25)
    deliver(hall)
    assert tenant.column(STATES) == ["dead"]
    assert row(tenant)["cause"].startswith("given up after 2 attempts")
    assert tenant.outcomes() == ["failed"]


def test_what_cannot_work_is_dead_says_why_and_is_sent_by_hand_once_it_can(hall: Hall) -> None:
    tenant = planned(hall)
    fails(tenant, "status", status=404)
    deliver(hall)
    dead = row(tenant)
    assert (dead["state"], tenant.outcomes()) == ("dead", ["failed"])
    assert "404" in dead["cause"]
    (tried,) = tenant.rows("SELECT outcome, reason, status_code FROM delivery_attempt")
    assert tried == {"outcome": "dead", "reason": "clientError", "status_code": 404}
    with hall.record.session([tenant.id]) as tx:
        deliveries.retry(tx, tenant.id, dead["id"], "ann")
    deliver(hall)
    assert (row(tenant)["state"], tenant.outcomes()) == ("sent", ["notified"])
    (call,) = [c for c in hall.providers.ledger.calls(dest=tenant.dest) if c.effect]
    assert call.key == str(dead["id"])


def test_only_dead_letters_with_nothing_newer_behind_them_are_sent_by_hand(hall: Hall) -> None:
    tenant = planned(hall)
    with hall.record.session([tenant.id]) as tx:
        with pytest.raises(errors.Conflict, match="this delivery is pending"):
            deliveries.retry(tx, tenant.id, row(tenant)["id"], "ann")
        with pytest.raises(errors.NotFound):
            deliveries.retry(tx, tenant.id, row(tenant)["notification_id"], "ann")
    fails(tenant, "status", status=404)
    deliver(hall)
    dead = row(tenant)["id"]
    over(tenant, severity="critical")
    hall.ring("flush")
    for _ in range(2):  # while it waits, and once it is sent
        with pytest.raises(errors.Conflict, match="newer"), hall.record.session([tenant.id]) as tx:
            deliveries.retry(tx, tenant.id, dead, "ann")
        deliver(hall, "notify")


def test_a_dead_letter_whose_incident_went_on_is_not_sent_even_by_hand(hall: Hall) -> None:
    tenant = planned(hall)
    fails(tenant, "status", status=404)
    deliver(hall)
    act(tenant, incidents.acknowledge)
    with hall.record.session([tenant.id]) as tx:
        deliveries.retry(tx, tenant.id, row(tenant)["id"], "ann")
    deliver(hall)
    assert (tenant.told(), row(tenant)["state"]) == ([], "superseded")
    assert tenant.outcomes() == ["failed"]


def test_what_may_have_arrived_keeps_its_place_and_its_key(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = planned(hall)
    fails(tenant, "cut_after")
    deliver(hall)
    over(tenant, severity="critical")
    hall.ring("flush")
    deliver(hall, "notify")
    assert tenant.column(STATES) == ["sending", "pending"]
    travel(minutes=1)
    # Nothing of the line begins while what came before is on its way.
    deliver(hall, "notify")
    assert tenant.column(STATES) == ["sending", "pending"]
    # The incident is over: the page is not repeated, and its end tells what became of it.
    assert claim(hall) == []
    deliver(hall, "notify")
    assert tenant.column(STATES) == ["superseded", "sent"]
    assert [m["status"] for m in tenant.told()] == ["firing", "resolved"]


def test_news_wait_for_a_first_message_in_doubt_which_is_repeated_under_its_key(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = planned(hall, n="1")
    fails(tenant, "cut_after")
    deliver(hall)
    fire(tenant, severity="critical", n="2")
    hall.ring("flush")
    travel(minutes=1)
    for _ in range(2):
        deliver(hall)
    assert tenant.column(STATES) == ["sent", "sent"]
    calls = hall.providers.ledger.calls(dest=tenant.dest)
    keys = [call.key for call in calls]
    assert keys == [keys[0]] * 2 + [keys[-1]]
    assert keys[0] != keys[-1]
    assert [len(m["alerts"]) for m in tenant.told()] == [1, 2]


def test_an_unsent_one_is_replaced_by_its_successor(hall: Hall) -> None:
    tenant = planned(hall, n="1")
    fails(tenant, "status")
    deliver(hall)
    hall.providers.script.clear(tenant.dest)
    first = row(tenant)["id"]
    fire(tenant, severity="critical", n="2")
    hall.ring("flush")
    (second,) = tenant.column("SELECT id FROM delivery WHERE state = 'pending'")
    assert tenant.one("SELECT cause FROM delivery WHERE id = %s", first) == str(second)
    assert tenant.outcomes() == ["superseded", None]
    deliver(hall)
    assert tenant.outcomes() == ["superseded", "notified"]
    assert [len(m["alerts"]) for m in tenant.told()] == [2]


def test_one_that_fails_while_its_successor_waits_makes_way(hall: Hall) -> None:
    tenant = planned(hall, n="1")
    errand = claim(hall)
    fire(tenant, severity="critical", n="2")
    hall.ring("flush")
    assert tenant.column(STATES) == ["sending", "pending"]
    fails(tenant, "status")
    send(hall, errand)
    assert tenant.column(STATES) == ["superseded", "pending"]
    deliver(hall)
    assert tenant.outcomes() == ["superseded", "notified"]


def test_one_in_doubt_does_not_make_way_for_its_successor(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = planned(hall, n="1")
    errand = claim(hall)
    fire(tenant, severity="critical", n="2")
    hall.ring("flush")
    fails(tenant, "cut_after")
    send(hall, errand)
    assert tenant.column(STATES) == ["sending", "pending"]
    travel(minutes=1)
    for _ in range(2):
        deliver(hall)
    keys = [call.key for call in hall.providers.ledger.calls(dest=tenant.dest)]
    assert keys[0] == keys[1] == str(errand.row["id"])
    assert tenant.column(STATES) == ["sent", "sent"]


def test_a_bug_in_a_channel_is_a_retry_in_doubt(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: Any) -> None:
        raise KeyError("x")

    tenant = planned(hall)
    channels = hall.module("deliver").channels
    monkeypatch.setattr(channels.REGISTRY["webhook"], "send", bug)
    deliver(hall)
    found = row(tenant)
    assert (found["state"], found["in_doubt"]) == ("sending", True)
    assert found["cause"] == "KeyError in the channel"


def test_a_repaired_integration_is_used_and_one_that_went_as_it_was(hall: Hall) -> None:
    tenant = planned(hall)
    tenant.apply(POLICY.replace("{hook}", "{hook}/repaired"))
    deliver(hall)
    assert len(hall.providers.ledger.calls(dest=f"{tenant.dest}/repaired")) == 1
    gone = planned(hall)
    gone.apply(POLICY.replace("name: ops", "name: other").replace("er: ops", "er: other"))
    deliver(hall)
    assert len(gone.told()) == 1


def test_a_message_that_cannot_be_read_is_dead_and_does_not_block_its_queue(hall: Hall) -> None:
    ill = planned(hall)
    well = planned(hall)
    with psycopg.connect(hall.servers.owner_url) as owner:
        owner.execute("UPDATE notification SET message = '' WHERE tenant = %s", [ill.id])
    deliver(hall)
    assert (ill.column(STATES), ill.outcomes()) == (["dead"], ["failed"])
    assert len(well.told()) == 1


def test_a_missing_secret_is_a_dead_letter_that_names_it(hall: Hall) -> None:
    tenant = hall.tenant(SLACK.replace("{room}", "#ops"))
    fire(tenant, severity="critical")
    hall.settle()
    # The alarm about it has no other way either, and there is none about that.
    assert tenant.column(STATES) == ["dead", "dead"]
    causes = tenant.column("SELECT cause FROM delivery")
    assert all("token_file" in cause for cause in causes)
    assert tenant.outcomes() == ["failed", "failed"]
    titles = tenant.column("SELECT title FROM incident ORDER BY opened_at, id")
    assert "reached nobody" in titles[1]


def test_events_of_two_integrations_are_notified_if_one_of_them_heard(hall: Hall) -> None:
    two = POLICY + "      - url: {hook}/other\n"
    tenant = hall.tenant(two)
    tenant.send(alert(severity="critical"))
    hall.ring("flush")
    fails(tenant, "status", status=404)
    deliver(hall)
    assert sorted(tenant.column(STATES)) == ["dead", "sent"]
    assert tenant.outcomes() == ["notified"]
