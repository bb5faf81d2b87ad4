"""What was lost is found and set going again, once and not early; a healthy run has nothing of it.

Timers and rows are taken away here as no program of ours does it: a restored backup, a bug or a
hand in the database might.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from scheduler import reconciler
from tests.actors import escalating
from tests.actors.conftest import Hall, Tenant, alert
from tests.actors.test_breach import LEVELS
from tests.actors.test_breach import POLICY as PROMISES
from tests.actors.test_flush import act, fire, silence
from tocsin.config.settings import Settings
from tocsin.storage import incidents, stuck
from workers import queues

Travel = Callable[..., None]
numbers = itertools.count(1)
COUNTED = "SELECT labels FROM tally WHERE name = 'reconciler_repairs_total'"
STORY = "SELECT count(*) FROM timeline WHERE kind = 'repaired'"
RAISED = "SELECT count(*) FROM alert WHERE labels LIKE '%%\"TocsinRepaired\"%%'"
BUSY = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - {name: ops, escalation: primary}
  - {name: boss, webhook: [{url: "{hook}"}]}
accounts: {webhook: {}}
people: [{name: anna, webhook: "{hook}/anna"}]
escalations:
  - name: primary
    steps: [{notify: [{person: anna}]}, {wait: 5m}, {notify: [{receiver: boss}]}]
service_levels:
  - {name: gold, severity: [critical], acknowledge: 15m, resolve: 4h, warn_before: 5m, notify: boss}
"""
SUBJECTS = """
SELECT split_part(subject, ' ', 1) FROM timer
WHERE kind = 'report' AND subject <> 'policy' ORDER BY 1
"""


class Clock:
    """The reconciler, turned by hand, that sees one tenant: the others of the hall are ruins."""

    def __init__(self, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tenant = tenant
        hall = tenant.hall
        found, walked = stuck.find, stuck.walk

        def find(*args: Any) -> Any:
            return [each for each in found(*args) if each.tenant in (tenant.id, None)]

        def walk(*args: Any) -> Any:
            some, place = walked(*args)
            return [each for each in some if each.tenant == tenant.id], place

        monkeypatch.setattr(stuck, "find", find)
        monkeypatch.setattr(stuck, "walk", walk)
        self.watch = hall.tenant()
        chosen = Settings(watch_tenant=self.watch.slug)
        stages = queues.of_stages("")
        self.loop = reconciler.Reconciler(hall.record, hall.runtime.bell, stages, chosen)

    def look(self, times: int = 2) -> list[str]:
        """Look so often, fifteen seconds apart; what it counted as repaired."""
        for _ in range(times):
            self.loop.look()
            self.tenant.hall.travel(timedelta(seconds=reconciler.EVERY_SECONDS))
        return self.tenant.column(COUNTED)


def hand(tenant: Tenant, sql: str, *params: Any) -> None:
    """Somebody's hand in the database."""
    with tenant.hall.record.session([tenant.id]) as tx:
        assert tx.run(sql, list(params)) > 0, sql


def told(tenant: Tenant, what: str) -> None:
    """It is in the story of the incident, and an alert says so here and where Tocsin is watched."""
    assert tenant.one(RAISED) == 1
    labels = tenant.one("SELECT labels FROM alert WHERE labels LIKE '%%\"TocsinRepaired\"%%'")
    assert f'"what":"{what}"' in labels


def test_an_escalation_without_a_timer_goes_on_at_its_time(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = escalating.begin(hall)
    clock = Clock(tenant, monkeypatch)
    hand(tenant, "DELETE FROM timer WHERE kind = 'escalation'")
    assert clock.look(1) == []
    assert clock.look(1) == ["escalation"]
    hall.settle()
    assert len(escalating.steps(tenant)) == 1  # nobody is paged before his time
    travel(minutes=5)
    hall.settle()
    assert [outcome for _, _, outcome in escalating.steps(tenant)] == ["told", "told"]
    assert tenant.one(STORY) == 1
    told(tenant, "escalation")
    [labels] = clock.watch.column("SELECT labels FROM alert")
    assert f'"tenant":"{tenant.slug}"' in labels
    assert clock.look() == ["escalation"]


def test_a_group_with_news_and_no_timer_speaks(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    tenant.send(alert(severity="critical"))
    hand(tenant, "DELETE FROM timer WHERE kind = 'flush'")
    assert clock.look() == []  # it is too young to be lost
    travel(seconds=10)
    assert clock.look() == ["flush"]
    hall.settle()
    assert [each["alerts"][0]["labels"]["alertname"] for each in tenant.told()] == [
        "Disk", "TocsinRepaired",
    ]  # fmt: skip
    assert tenant.outcomes() == ["notified", "notified"]
    told(tenant, "flush")


def test_a_change_that_nobody_would_explain_goes_round_again(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    tenant.send(alert(severity="critical"))
    hand(tenant, "DELETE FROM timer WHERE kind = 'flush'")
    hand(tenant, "UPDATE group_member SET event_id = NULL")
    travel(minutes=9)
    assert clock.look() == []
    travel(minutes=1)
    assert clock.look() == ["event"]
    hall.settle()
    assert tenant.outcomes()[0] == "notified"
    assert "Disk" in [each["alerts"][0]["labels"]["alertname"] for each in tenant.told()]


def test_a_change_that_was_changed_again_is_not_told_any_more(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    fire(tenant, severity="critical")
    hall.settle()
    tenant.send(alert("Disk", "resolved", starts=tenant.now, ends=tenant.now, severity="critical"))
    hall.settle()
    hand(tenant, "UPDATE alert_event SET outcome = NULL"
                 " WHERE id = (SELECT min(id) FROM alert_event)")  # fmt: skip
    before = len(tenant.told())
    travel(minutes=11)
    assert clock.look() == ["event"]
    assert tenant.outcomes()[0] == "superseded"
    hall.settle()
    assert len(tenant.told()) == before + 1  # of the repair alone


def test_a_delivery_whose_lease_is_long_over_is_taken_up_under_its_key(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    tenant.send(alert(severity="critical"))
    hall.ring("flush")
    key = str(tenant.one("SELECT id FROM delivery"))
    hand(tenant, "UPDATE delivery SET state = 'sending', fence = 1, attempts = 1,"
                 " lease_until = tocsin_now() - interval '2 minutes',"
                 " due_at = tocsin_now() + interval '1 day'")  # fmt: skip
    assert clock.look() == ["sending"]
    hall.settle()
    calls = hall.providers.ledger.calls(dest=tenant.dest)
    assert key in {call.key for call in calls}
    assert tenant.one("SELECT in_doubt FROM delivery WHERE id = %s", uuid.UUID(key))


def test_a_delivery_that_was_put_off_for_no_reason_goes_out(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    tenant.send(alert(severity="critical"))
    hall.ring("flush")
    hand(tenant, "UPDATE delivery SET due_at = tocsin_now() + interval '1 day'")
    assert clock.look() == []
    travel(minutes=1)
    assert clock.look() == ["pending"]
    hall.settle()
    assert "Disk" in [each["alerts"][0]["labels"]["alertname"] for each in tenant.told()]


def test_what_was_snoozed_opens_again(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    fire(tenant, severity="critical")
    hall.settle()
    incident = tenant.one("SELECT id FROM incident")
    with hall.record.session([tenant.id]) as tx:
        incidents.snooze(tx, tenant.id, incident, "ann", lasts=timedelta(minutes=30))
    hall.settle()
    hand(tenant, "DELETE FROM timer WHERE kind = 'snooze'")
    assert clock.look() == []
    travel(minutes=32)
    assert clock.look() == ["snooze"]
    hall.settle()
    assert tenant.one("SELECT state FROM incident WHERE id = %s", incident) == "open"


def test_a_clock_of_a_service_level_that_ran_out_is_looked_at(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant(PROMISES)
    clock = Clock(tenant, monkeypatch)
    fire(tenant, severity="critical")
    hall.settle()
    hand(tenant, "DELETE FROM timer WHERE kind = 'level'")
    assert clock.look() == []
    travel(minutes=17)
    assert clock.look() == ["level"]
    hall.settle()
    assert [row["breached_at"] is not None for row in tenant.rows(LEVELS)] == [True, False]


def test_reports_and_their_letters_that_are_overdue_are_made(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    hand(tenant, "INSERT INTO report_schedule (tenant, name, plan, next_run_at, attempts)"
                 " VALUES (%s, 'monday', '[]', tocsin_now(), 0)", tenant.id)  # fmt: skip
    hand(tenant, "INSERT INTO report_letter (tenant, id, report_id, address, channel, state,"
                 " attempts, in_doubt, created_at) VALUES (%s, %s, %s, 'a@b.test', 'email',"
                 " 'pending', 0, false, tocsin_now())",
         tenant.id, uuid.uuid4(), uuid.uuid4())  # fmt: skip
    assert clock.look() == []
    travel(minutes=1)
    assert clock.look() == ["report", "report"]
    subjects = tenant.column(SUBJECTS)
    assert subjects == ["letter", "series"]


def test_what_a_dead_worker_held_is_given_back(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    tenant.post(alert())
    row = tenant.one("SELECT id FROM inbox")
    with psycopg.connect(hall.servers.owner_url) as owner:
        owner.execute(
            "INSERT INTO drain_note VALUES ('dead', %s, now() - interval '2 minutes')", [[row]]
        )
    clock.look()
    assert tenant.one("SELECT attempts FROM inbox WHERE id = %s", row) == 1
    assert clock.watch.column(COUNTED) == ["note"]


def test_what_heals_by_itself_between_two_looks_is_not_repaired(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = escalating.begin(hall)
    clock = Clock(tenant, monkeypatch)
    [timer] = tenant.rows("SELECT * FROM timer WHERE kind = 'escalation'")
    hand(tenant, "DELETE FROM timer WHERE kind = 'escalation'")
    clock.look(1)
    hand(tenant, "INSERT INTO timer (tenant, kind, subject, due_at) VALUES (%s, %s, %s, %s)",
         *(timer[name] for name in ("tenant", "kind", "subject", "due_at")))  # fmt: skip
    assert clock.look(3) == []


def test_what_changes_between_the_finding_and_the_lock_is_left_alone(hall: Hall) -> None:
    tenant = escalating.begin(hall)
    act(tenant, incidents.acknowledge)
    incident = tenant.one(escalating.FIRST.strip("()"))
    subjects = {
        "escalation": f"{incident}/primary",
        "snooze": str(incident),
        "level": str(incident),
    }
    for what in ("escalation", "snooze", "level", "sending", "pending", "flush"):
        subject = subjects.get(what, str(uuid.uuid4()))
        with hall.record.session([tenant.id]) as tx:
            assert not stuck.mend(tx, stuck.Stuck(what, tenant.id, subject, incident)), what


def test_a_walk_over_more_than_it_takes_at_once_comes_round(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant()
    clock = Clock(tenant, monkeypatch)
    monkeypatch.setattr(reconciler, "WALKED", 2)
    with psycopg.connect(hall.servers.owner_url) as owner:  # the ruins of others
        owner.execute("UPDATE alert_event SET outcome = 'grouped' WHERE outcome IS NULL")
    tenant.send(*(alert(instance=str(n), severity="critical") for n in range(5)))
    hand(tenant, "DELETE FROM timer WHERE kind = 'flush'")
    travel(minutes=1)
    assert clock.look(3) == []
    assert clock.look(1) == ["flush"]


def test_one_that_cannot_be_mended_keeps_no_other_waiting_and_is_not_tried_for_ever(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = escalating.begin(hall)
    clock = Clock(tenant, monkeypatch)
    hand(tenant, "DELETE FROM timer WHERE kind = 'escalation'")
    bad = stuck.Stuck("bug", tenant.id, "x")
    found, tried = stuck.find, []

    def broken(tx: Any, each: stuck.Stuck, mend: Any = stuck.mend) -> bool:
        tried.append(each.what)
        return bool(mend(tx, each))

    monkeypatch.setattr(stuck, "find", lambda *args: [bad, *found(*args)])
    monkeypatch.setattr(stuck, "mend", broken)
    assert clock.look(4) == ["escalation"]
    assert sorted(tried) == ["bug", "escalation"]


def test_a_healthy_night_gives_it_nothing_to_do(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant(BUSY)
    clock = Clock(tenant, monkeypatch)
    silence(tenant)  # holds Disk back for an hour
    for minute in range(8):
        tenant.post(alert(f"A{minute}", severity="critical"), alert("Disk", severity="critical"))
        clock.look(1)  # before anything was done
        hall.ring("dedup")
        clock.look(1)  # in the middle
        hall.ring("flush")
        clock.look(1)
        hall.settle()
        clock.look(1)
        travel(minutes=4)
    act_on = tenant.column("SELECT id FROM incident ORDER BY opened_at")
    with hall.record.session([tenant.id]) as tx:
        incidents.acknowledge(tx, tenant.id, act_on[0], "ann")
    travel(minutes=40)
    clock.look()
    hall.settle()
    travel(minutes=20)
    assert clock.look(3) == []
    assert tenant.one(RAISED) == 0
