"""Pages that do not get through are given another way, within the step, and say why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import orjson
import pytest

from tests.actors import callbacks, escalating, reaching
from tests.actors.conftest import Hall, Tenant, alert
from tests.actors.escalating import PEOPLE, act, begin, policy, who
from tests.actors.reaching import Reached
from tocsin.demo.fakes import faults
from tocsin.storage import incidents

Travel = Callable[..., None]

RULES = """    notify: {important: [{by: slack}, {by: sms, after: 4m}]}
"""


@pytest.fixture
def anna(hall: Hall) -> Iterator[Reached]:
    with callbacks.standing(hall) as place:
        yield reaching.made(place)


def fails(hall: Hall, provider: str = "*", dest: str = "*", **more: Any) -> None:
    fault = faults.Fault(**{"kind": "status", "status": 503, **more})
    hall.providers.script.add(fault, provider=provider, dest=dest)


def story(tenant: Tenant, kind: str) -> list[dict[str, Any]]:
    found = tenant.column("SELECT detail FROM timeline WHERE kind = %s ORDER BY id", kind)
    return [orjson.loads(each) for each in found]


def ways(tenant: Tenant) -> list[tuple[str, str]]:
    rows = tenant.rows("SELECT * FROM delivery WHERE facts IS NOT NULL ORDER BY created_at, id")
    return [(row["channel"], row["state"]) for row in rows]


def test_a_way_that_is_dead_gives_over_to_the_next_of_the_rules_at_once(
    hall: Hall, anna: Reached
) -> None:
    fails(hall, "slack", kind="error", error="account_inactive")
    anna.apply(reaching.ALL + RULES)
    anna.fire()
    assert sorted(ways(anna.tenant)) == [("slack", "dead"), ("sms", "sent")]
    (text,) = anna.texts()
    assert "Slack" in text
    (said,) = story(anna.tenant, "failover_instead")
    assert (said["channel"], said["to"], said["told"]) == ("slack", "sms", "anna")
    # The one that the rules had for later is that one: it does not come again.
    hall.travel(timedelta(minutes=4))
    hall.settle()
    assert len(anna.texts()) == 1


def test_a_way_that_takes_too_long_is_not_waited_for(hall: Hall, anna: Reached) -> None:
    fails(hall, "slack")
    anna.apply(reaching.ALL + "    notify: {important: [{by: slack}]}\n")
    anna.fire()
    assert ways(anna.tenant) == [("slack", "pending")]
    hall.travel(timedelta(seconds=80))
    hall.settle()
    channels = [channel for channel, _ in ways(anna.tenant)]
    assert len(channels) == 2
    assert len(anna.texts()) + len(anna.letters()) + len(anna.posts("anna")) == 1
    hall.providers.script.clear()
    hall.travel(timedelta(seconds=60))
    hall.settle()
    assert ("slack", "sent") in ways(anna.tenant), "the first one goes on trying"


def test_a_wait_that_a_provider_asks_for_does_not_outlast_the_step(
    hall: Hall, anna: Reached
) -> None:
    fails(hall, "slack", status=429, headers={"retry-after": "3600"})
    anna.apply(reaching.ALL + RULES)
    anna.fire()
    assert sorted(ways(anna.tenant)) == [("slack", "pending"), ("sms", "sent")]
    row = anna.tenant.rows("SELECT * FROM delivery WHERE channel = 'slack'")[0]
    assert row["due_at"] == row["step_until"]


def test_each_way_is_taken_once_and_then_the_next_step_begins(hall: Hall) -> None:
    rest = PEOPLE.replace("{hook}/anna", "{hook}/gone")
    tenant = hall.tenant(policy("notify: [{person: anna}]\nwait: 5m\nnotify: [{person: ben}]",
                                rest=rest))  # fmt: skip
    fails(hall, dest=f"{tenant.dest}/gone", status=410)
    escalating.fire(tenant, severity="critical")
    hall.settle()
    assert who(tenant) == ["ben"]
    kinds = escalating.story(tenant)
    assert kinds.count("escalation_step") == 2
    assert [each["told"] for each in story(tenant, "failover_lost")] == ["anna"]
    assert len(story(tenant, "failover_hurried")) == 1


def test_when_everything_is_dead_it_ends_with_an_alarm_and_not_in_a_whirl(
    hall: Hall, travel: Travel
) -> None:
    tenant = hall.tenant(policy("notify: [{person: anna}]\nwait: 5m\nnotify: [{person: ben}]",
                                repeat=1))  # fmt: skip
    for name in ("anna", "ben"):
        fails(hall, dest=f"{tenant.dest}/{name}", status=410)
    escalating.fire(tenant, severity="critical")
    hall.settle()
    first = tenant.column(
        f"SELECT round FROM escalation_step WHERE incident_id = {escalating.FIRST}"
    )
    assert first == [1, 1]
    failed = "SELECT count(*) FROM alert WHERE labels::json->>'alertname' = 'TocsinDeliveryFailed'"
    assert tenant.one(failed) == 1
    travel(minutes=30)
    hall.settle()
    assert tenant.one(failed) == 1


def test_nothing_is_begun_for_what_somebody_has_acknowledged(hall: Hall, anna: Reached) -> None:
    fails(hall, "slack")
    anna.apply(reaching.ALL + RULES)
    anna.fire()
    act(anna.tenant, incidents.acknowledge)
    hall.travel(timedelta(seconds=80))
    hall.settle()
    assert anna.texts() == []


def test_what_was_handed_over_is_given_back_only_when_no_way_is_left(hall: Hall) -> None:
    tenant = begin(hall)
    fails(hall, dest=f"{tenant.dest}/ben", status=410)
    with hall.record.session([tenant.id]) as tx:
        row = incidents.held(tx, tenant.id, tenant.one("SELECT id FROM incident"))
        incidents.hand_over(tx, tenant.id, row["id"], "ann", "", to="ben")
    hall.settle()
    kinds = tenant.column("SELECT kind FROM timeline ORDER BY id")
    assert kinds.index("failover_lost") < kinds.index("unreachable")


FALLBACK = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - {name: ops, fallback: spare, webhook: [{url: "{hook}/ops"}]}
  - {name: spare, webhook: [{url: "{hook}/spare"}]}
"""


def told(tenant: Tenant, name: str) -> list[tuple[str, str]]:
    calls = tenant.hall.providers.ledger.calls(dest=f"{tenant.dest}/{name}")
    return [(each.body["status"], each.body["incident"]["why"]) for each in calls if each.effect]


def test_a_fallback_of_a_receiver_is_told_and_hears_of_the_end(hall: Hall) -> None:
    tenant = hall.tenant(FALLBACK)
    fails(hall, dest=f"{tenant.dest}/ops", status=404, times=1)
    tenant.send(alert(severity="critical"))
    hall.settle()
    ((status, why),) = told(tenant, "spare")
    assert status == "firing"
    assert "could not be delivered by webhook" in why
    assert tenant.outcomes() == ["notified"]
    assert tenant.rows("SELECT * FROM alert WHERE labels LIKE '%%DeliveryFailed%%'") == []
    tenant.send(alert(severity="critical", status="resolved", ends=tenant.now))
    hall.settle()
    assert [each for each, _ in told(tenant, "ops")] == ["resolved"]
    assert [each for each, _ in told(tenant, "spare")] == ["firing", "resolved"]


def test_a_receiver_without_a_fallback_is_said_to_be_alone_and_raises_an_alarm(
    hall: Hall, travel: Travel
) -> None:
    tenant = hall.tenant()
    fails(hall, dest=tenant.dest)
    tenant.send(alert(severity="critical"))
    for _ in range(6):
        hall.settle()
        travel(seconds=31)
    assert [each["told"] for each in story(tenant, "failover_alone")][:1] == ["ops"]
    titles = tenant.column("SELECT title FROM incident ORDER BY opened_at")
    assert sum("reached nobody" in title for title in titles) == 1


def test_what_the_provider_took_and_did_not_bring_gives_over(hall: Hall, anna: Reached) -> None:
    anna.apply(reaching.ALL + "    notify: {important: [{by: sms}]}\n")
    anna.fire()
    (sent,) = hall.providers.twilio.messages(anna.phone)
    hall.providers.twilio.report(sent["sid"], "undelivered", 30003, base=anna.place.url)
    hall.settle()
    assert dict(ways(anna.tenant))["sms"] == "dead"
    assert "sent" in dict(ways(anna.tenant)).values()
