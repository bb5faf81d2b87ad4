"""Rules over time: what they remember across drains, and what ends by itself."""

from __future__ import annotations

from collections.abc import Callable

import orjson
import pytest

from tests.actors.conftest import POLICY, Hall, alert
from tests.actors.ruling import named, ruled, states, stored
from tocsin import errors
from tocsin.storage import rule_states, timers

Travel = Callable[..., None]

FOR = """
  - name: long
    when: 'labels.usage > 80'
    for: 5m
    then:
      severity: critical
      raise: {alertname: CpuHot, severity: critical, labels: {kind: rule}, summary: Too hot}
"""


def test_for_fires_after_the_window_and_ends_when_it_clears(hall: Hall, travel: Travel) -> None:
    tenant = ruled(hall, FOR)
    tenant.send(alert(usage="81", host="a"))
    hall.settle()
    assert named(tenant, "CpuHot") == []
    travel(minutes=4, seconds=50)
    hall.settle()
    assert named(tenant, "CpuHot") == []
    travel(seconds=11)
    hall.settle()
    assert named(tenant, "CpuHot") == ["firing"]
    assert stored(tenant)["severity"] == "critical"
    hot = stored(tenant, "CpuHot")
    assert orjson.loads(hot["labels"]) == {
        "alertname": "CpuHot", "severity": "critical", "kind": "rule", "usage": "81", "host": "a",
    }  # fmt: skip
    assert orjson.loads(hot["annotations"]) == {"summary": "Too hot", "rule": "long"}
    tenant.send(alert(status="resolved", usage="81", host="a"))
    hall.settle()
    assert named(tenant, "CpuHot") == ["resolved"]
    assert states(tenant) == 0
    assert "judged" in tenant.column("SELECT kind FROM alert_event")


def test_for_begins_anew_after_a_break(hall: Hall, travel: Travel) -> None:
    tenant = ruled(hall, FOR)
    tenant.send(alert(usage="81"))
    travel(minutes=4)
    tenant.send(alert(status="resolved", usage="81"))
    assert states(tenant) == 0
    tenant.send(alert(usage="81", starts=tenant.now))
    travel(minutes=4)
    hall.settle()
    assert named(tenant, "CpuHot") == []
    travel(minutes=1, seconds=1)
    hall.settle()
    assert named(tenant, "CpuHot") == ["firing"]


COUNT = """
  - name: often
    when: 'alertname == "Disk"'
    count: {at_least: 3, within: 10m, by: [service]}
    then:
      labels: {often: "yes"}
      raise: {alertname: Flood}
"""


def test_count_sees_repeats_and_keeps_keys_apart(hall: Hall, travel: Travel) -> None:
    tenant = ruled(hall, COUNT)
    tenant.send(alert(service="a"), alert(service="b"))
    travel(minutes=1)
    tenant.send(alert(service="a"))
    hall.settle()
    assert named(tenant, "Flood") == []
    tenant.send(alert(service="a"))
    hall.settle()
    assert named(tenant, "Flood") == ["firing"]
    assert orjson.loads(stored(tenant, "Flood")["labels"]) == {"alertname": "Flood", "service": "a"}
    marked = tenant.column('SELECT labels FROM alert WHERE ruled = \'{"often":"yes"}\'')
    assert [orjson.loads(text)["service"] for text in marked] == ["a"]
    travel(minutes=8, seconds=50)
    hall.settle()
    assert named(tenant, "Flood") == ["firing"]
    travel(seconds=20)
    hall.settle()
    assert named(tenant, "Flood") == ["resolved"]
    assert tenant.column("SELECT count(*) FROM alert WHERE ruled IS NOT NULL") == [0]


def test_repeats_travel_to_an_evaluation_on_another_queue(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = ruled(hall, COUNT)
    apart = {"enrich": "e", "evaluate": "v", "group": "g"}
    monkeypatch.setattr(hall.runtime, "queues", {**hall.runtime.queues, **apart})
    for _ in range(3):
        tenant.send(alert(service="a"))
    waiting = tenant.column("SELECT stage FROM inbox ORDER BY id")
    assert waiting == ["enrich", "evaluate", "evaluate"]
    for _ in range(3):
        hall.ring("enrich", "evaluate", "group", "dedup")
    assert named(tenant, "Flood") == ["firing"]
    assert orjson.loads(stored(tenant)["ruled"]) == {"often": "yes"}


def test_repeats_are_not_kept_for_whom_nothing_counts(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = ruled(hall, FOR)
    monkeypatch.setattr(hall.runtime, "queues", {**hall.runtime.queues, "enrich": "e"})
    tenant.send(alert())
    tenant.send(alert())
    assert tenant.column("SELECT stage FROM inbox") == ["enrich"]


ABSENT = """
  - name: heartbeat
    when: 'alertname == "Watchdog"'
    absent: {for: 10m, by: [instance]}
    then: {raise: {alertname: Silent, severity: critical}}
"""


def test_absence_is_raised_and_ends_with_a_sign_of_life(hall: Hall, travel: Travel) -> None:
    tenant = ruled(hall, ABSENT)
    tenant.send(alert("Watchdog", instance="a"), alert("Watchdog", instance="b"))
    travel(minutes=9)
    tenant.send(alert("Watchdog", instance="b"))
    hall.settle()
    travel(minutes=1, seconds=1)
    hall.settle()
    assert named(tenant, "Silent") == ["firing"]
    assert orjson.loads(stored(tenant, "Silent")["labels"])["instance"] == "a"
    tenant.send(alert("Watchdog", instance="a"))
    hall.settle()
    assert named(tenant, "Silent") == ["resolved"]


SEQUENCE = """
  - name: after-deploy
    when: 'alertname == "Deploy"'
    sequence: {then: 'alertname == "Errors"', within: 5m, by: [service]}
    then: {labels: {cause: deploy}, raise: {alertname: BadDeploy}}
"""


def test_a_sequence_in_its_order_and_time(hall: Hall, travel: Travel) -> None:
    tenant = ruled(hall, SEQUENCE)
    tenant.send(alert("Errors", service="early"), alert("Deploy", service="early"))
    tenant.send(alert("Deploy", service="late"), alert("Deploy", service="good"))
    travel(minutes=4)
    tenant.send(alert("Errors", service="good"), alert("Errors", service="other"))
    travel(minutes=1, seconds=1)
    tenant.send(alert("Errors", service="late"))
    hall.settle()
    assert [
        orjson.loads(text)["service"]
        for text in tenant.column("SELECT labels FROM alert WHERE ruled IS NOT NULL")
    ] == ["good"]
    assert named(tenant, "BadDeploy") == ["firing"]
    travel(minutes=5)
    hall.settle()
    assert named(tenant, "BadDeploy") == ["resolved"]
    assert states(tenant) == 0


def test_a_rate_over_repeats_rises_and_falls(hall: Hall, travel: Travel) -> None:
    rules = """
  - name: fast
    when: 'rate(10m) >= 0.3'
    then: {labels: {fast: "yes"}, raise: {alertname: Fast}}
"""
    tenant = ruled(hall, rules)
    tenant.send(alert())
    tenant.send(alert())
    hall.settle()
    assert named(tenant, "Fast") == []
    tenant.send(alert())
    hall.settle()
    assert named(tenant, "Fast") == ["firing"]
    assert orjson.loads(stored(tenant)["ruled"]) == {"fast": "yes"}
    travel(minutes=10, seconds=1)
    hall.settle()
    assert named(tenant, "Fast") == ["resolved"]
    assert stored(tenant)["ruled"] is None


def test_a_rule_that_is_changed_forgets_and_ends_what_it_raised(hall: Hall, travel: Travel) -> None:
    tenant = ruled(hall, FOR)
    tenant.send(alert(usage="81"))
    travel(minutes=6)
    hall.settle()
    assert named(tenant, "CpuHot") == ["firing"]
    tenant.apply(f"{POLICY}rules:\n{FOR.replace('5m', '10m')}")
    hall.settle()
    assert named(tenant, "CpuHot") == ["resolved"]
    assert "CpuHot" not in str(tenant.column("SELECT state FROM rule_state"))
    travel(minutes=10, seconds=1)
    hall.settle()
    assert named(tenant, "CpuHot") == ["firing"]
    tenant.apply(POLICY)
    hall.settle()
    assert named(tenant, "CpuHot") == ["resolved"]
    assert states(tenant) == 0


def test_tenants_have_their_own_rules_and_states(hall: Hall, travel: Travel) -> None:
    one, other = ruled(hall, COUNT), ruled(hall, COUNT)
    one.post(alert(service="a"), alert(service="a"))
    other.post(alert(service="a"))
    hall.ring("dedup")
    hall.settle()
    assert named(one, "Flood") == named(other, "Flood") == []
    other.send(alert(service="a"), alert(service="a"))
    hall.settle()
    assert (named(one, "Flood"), named(other, "Flood")) == ([], ["firing"])


def test_a_resolve_that_overtakes_a_judgement_stands(hall: Hall, travel: Travel) -> None:
    tenant = ruled(hall, FOR)
    tenant.send(alert(usage="81"))
    travel(minutes=6)
    hall.ring("judge")
    assert tenant.column("SELECT stage FROM inbox ORDER BY id") == ["dedup", "evaluate"]
    tenant.send(alert(status="resolved", usage="81"))
    hall.settle()
    assert named(tenant, "CpuHot") == ["resolved"]
    assert states(tenant) == 0


def test_a_timer_of_nothing_goes_away(hall: Hall) -> None:
    tenant = ruled(hall, FOR)
    with hall.record.session([tenant.id]) as tx:
        timers.exactly(tx, "rule", [{"tenant": tenant.id, "subject": "gone f00", "due_at": tx.now}])
    hall.settle()
    assert tenant.rows("SELECT 1 AS one FROM timer WHERE kind = 'rule'") == []


def test_two_workers_that_begin_with_the_same_do_it_one_after_the_other(hall: Hall) -> None:
    """The second finds the row that it did not see, and begins again on what the first left."""
    tenant = ruled(hall, COUNT)
    item = {"tenant": tenant.id, "key": "k", "rule": "r", "state": "{}", "raised": None,
            "due_at": None}  # fmt: skip
    with hall.record.session([tenant.id]) as tx:
        rule_states.insert(tx, [item])
    with hall.record.session([tenant.id]) as tx, pytest.raises(errors.Again):
        rule_states.insert(tx, [item])


def test_a_rate_that_fell_meanwhile_does_not_hold_for_long(hall: Hall, travel: Travel) -> None:
    rules = """
  - name: long
    when: 'rate(2m) >= 1'
    for: 3m
    then: {raise: {alertname: Long}}
"""
    tenant = ruled(hall, rules)
    tenant.send(alert(), alert())
    travel(minutes=3, seconds=1)
    hall.settle()
    assert named(tenant, "Long") == []
    for _ in range(4):
        tenant.send(alert(), alert(), alert())
        travel(minutes=1)
        hall.settle()
    assert named(tenant, "Long") == ["firing"]
