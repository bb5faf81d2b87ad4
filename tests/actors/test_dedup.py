"""Dedup keeps one row an alert, one event a change, and counts the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec
import pytest

from schemas.alert import Status
from tests.actors.conftest import POLICY, Hall, Tenant, alert

ALERT = "SELECT status, starts_at, ends_at, count FROM alert"


class Post(NamedTuple):
    """An arrival of the alert; times in minutes after the hour before this one."""

    status: Status
    starts: int | None
    ends: int | None = None


class Case(NamedTuple):
    """What arrives, the kinds of events that come of it, and the alert at last."""

    posts: list[Post]
    kinds: list[str]
    status: Status
    starts: int
    ends: int | None = None


def fires(starts: int | None) -> Post:
    return Post("firing", starts)


def ends(starts: int, at: int) -> Post:
    return Post("resolved", starts, at)


CASES = {
    "first": Case([fires(0)], ["new"], "firing", 0),
    "repeat": Case([fires(0), fires(0), fires(None)], ["new"], "firing", 0),
    "end": Case([fires(0), ends(0, 5)], ["new", "resolved"], "resolved", 0, 5),
    "end again": Case([fires(0), ends(0, 5), ends(0, 5)], ["new", "resolved"], "resolved", 0, 5),
    "later end": Case([fires(0), ends(0, 5), ends(0, 7)], ["new", "resolved"], "resolved", 0, 7),
    "end alone": Case([ends(0, 5)], ["stale"], "resolved", 0, 5),
    "end first": Case([ends(0, 5), fires(0)], ["stale", "stale"], "resolved", 0, 5),
    "too late": Case(
        [fires(0), ends(0, 5), fires(0)], ["new", "resolved", "stale"], "resolved", 0, 5
    ),
    "old interval": Case([fires(10), ends(0, 5)], ["new", "stale"], "firing", 10),
    "again": Case([fires(0), ends(0, 5), fires(9)], ["new", "resolved", "refired"], "firing", 9),
    "pair": Case([fires(2), fires(0), fires(2)], ["new"], "firing", 0),
    "pair ends": Case([fires(2), fires(0), ends(0, 5)], ["new", "resolved"], "resolved", 0, 5),
}


def arrive(tenant: Tenant, posts: list[Post], *, apart: bool) -> Any:
    hour = tenant.now - timedelta(hours=1)

    def at(minutes: int | None) -> Any:
        return None if minutes is None else hour + timedelta(minutes=minutes)

    made = [alert(status=p.status, starts=at(p.starts), ends=at(p.ends)) for p in posts]
    for batch in [[one] for one in made] if apart else [made]:
        tenant.send(*batch)
    return at


@pytest.mark.parametrize("apart", [True, False])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_arrives_in_one_drain_or_in_several_comes_to_the_same(
    hall: Hall, case: Case, apart: bool
) -> None:
    tenant = hall.tenant()
    at = arrive(tenant, case.posts, apart=apart)
    assert tenant.column("SELECT kind FROM alert_event ORDER BY id") == case.kinds
    assert tenant.rows(ALERT) == [
        {"status": case.status, "starts_at": at(case.starts), "ends_at": at(case.ends),
         "count": len(case.posts)}
    ]  # fmt: skip
    stale = [kind == "stale" for kind in case.kinds]
    assert [outcome == "stale" for outcome in tenant.outcomes()] == stale


def test_one_drain_serves_many_alerts_of_many_tenants(hall: Hall) -> None:
    some = [hall.tenant() for _ in range(3)]
    for tenant in some:
        tenant.post(*(alert(n=str(n)) for n in range(20)), alert(n="0"))
    hall.ring("dedup")
    for tenant in some:
        assert tenant.one("SELECT count(*) FROM alert") == 20
        assert tenant.one("SELECT sum(count)::int FROM alert") == 21
        assert tenant.one("SELECT count(*) FROM alert_event") == 20
        assert tenant.one("SELECT count(*) FROM inbox") == 0


def test_the_same_alert_of_two_tenants_is_two_alerts_in_one_drain_too(hall: Hall) -> None:
    one, other = hall.tenant(), hall.tenant()
    for turn in ("firing", "resolved"):
        one.post(alert(status=turn))
        other.post(alert())
        hall.ring("dedup")
    state = "SELECT status, count FROM alert"
    assert one.rows(state) == [{"status": "resolved", "count": 2}]
    assert other.rows(state) == [{"status": "firing", "count": 2}]


def test_labels_are_filed_for_the_search(hall: Hall) -> None:
    tenant = hall.tenant()
    db, web = alert(team="db"), alert(team="web")
    tenant.send(db, web)
    assert set(tenant.labelled(alertname="Disk")) == {db.fingerprint, web.fingerprint}
    assert tenant.labelled(alertname="Disk", team="db") == [db.fingerprint]
    assert tenant.labelled(team="db ") == tenant.labelled(db="team") == []


def test_a_change_brings_new_annotations_and_a_repeat_does_not(hall: Hall) -> None:
    tenant = hall.tenant()
    start = tenant.now
    notes = "SELECT annotations FROM alert"
    tenant.send(alert(starts=start, notes={"v": "1"}))
    tenant.send(alert(starts=start, notes={"v": "2"}))
    assert tenant.one(notes) == '{"v":"1"}'
    tenant.send(alert(status="resolved", starts=start, ends=start, notes={"v": "3"}))
    assert tenant.one(notes) == '{"v":"3"}'


def test_an_alert_that_names_its_end_gets_a_timer_that_repeats_do_not_touch(hall: Hall) -> None:
    tenant = hall.tenant()
    start, timer = tenant.now, "SELECT due_at FROM timer WHERE kind = 'expire'"
    end = start + timedelta(minutes=5)
    tenant.send(alert(starts=start, ends=end))
    tenant.send(alert(starts=start, ends=end + timedelta(minutes=5)))
    assert tenant.one(timer) == end
    assert tenant.one("SELECT expires_at FROM alert") == end + timedelta(minutes=5)


def test_processing_is_counted_by_severity_and_kind(hall: Hall) -> None:
    tenant = hall.tenant()
    start = tenant.now
    tenant.send(alert(starts=start, severity="critical"), alert(starts=start, severity="critical"))
    tenant.send(alert("Gone", "resolved", starts=start, ends=start))
    counted = dict(
        tuple(row.values())
        for row in tenant.rows(
            "SELECT labels, sum(value)::int FROM tally WHERE name = 'alerts_processed_total'"
            " GROUP BY 1"
        )
    )
    assert counted == {"critical|new": 1, "critical|repeat": 1, "none|stale": 1}


def test_another_worker_that_stores_the_same_alert_meanwhile_makes_the_drain_look_again(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, dedup = hall.tenant(), hall.module("dedup")
    real, meanwhile = dedup.alerts.lock, [alert(starts=tenant.now)]
    tenant.post(*meanwhile)
    dump = tenant.rows("SELECT intake_id FROM inbox")

    def lock(tx: Any, keys: Any) -> Any:
        found = real(tx, keys)
        while meanwhile:
            one = meanwhile.pop()
            with hall.record.session([tenant.id]) as other:
                other.run(
                    "INSERT INTO alert SELECT %s, %s, 'firing', 'none', '{}', '{}', NULL, 'x', '',"
                    " %s, NULL, NULL, 1, tocsin_now(), tocsin_now()",
                    [tenant.id, one.fingerprint, one.starts_at],
                )
        return found

    monkeypatch.setattr(dedup.alerts, "lock", lock)
    hall.ring("dedup")
    assert len(dump) == 1
    assert tenant.one("SELECT count FROM alert") == 2
    assert tenant.column("SELECT 1 FROM alert_event") == []
    assert tenant.column("SELECT 1 FROM inbox") == []


def test_our_own_alarm_goes_the_ordinary_way_and_is_not_counted_as_posted(hall: Hall) -> None:
    tenant = hall.tenant()
    tenant.accept(b"cannot be opened", 3)
    hall.settle()
    assert tenant.one("SELECT alerts FROM quarantine") == 3
    assert [message["incident"]["severity"] for message in tenant.told()] == ["critical"]
    assert "taken out of the pipeline" in tenant.told()[0]["incident"]["title"]
    assert tenant.rows("SELECT posted, outcome FROM alert_event") == [
        {"posted": False, "outcome": "notified"}
    ]


def test_what_names_no_end_ends_as_the_policy_says(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant("global: {resolve_timeout: 1m}" + POLICY)
    late = tenant.now + timedelta(minutes=5)
    named = alert("Named", starts=tenant.now, ends=late)
    tenant.send(named, msgspec.structs.replace(alert("Open", ends=late), open_ended=True))
    travel(minutes=2)
    hall.settle()
    assert tenant.column("SELECT status FROM alert ORDER BY labels") == ["firing", "resolved"]


def test_an_ingest_whose_clock_is_behind_ends_nothing(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    past = tenant.now - timedelta(minutes=1)
    tenant.send(msgspec.structs.replace(alert("Open", ends=past), open_ended=True))
    hall.settle()
    assert [each["status"] for each in tenant.told()] == ["firing"]
    travel(minutes=6)
    hall.settle()
    assert [each["status"] for each in tenant.told()] == ["firing", "resolved"]


def test_an_alert_that_waited_longer_than_it_lasts_is_told_all_the_same(hall: Hall) -> None:
    """The pipeline was down for an hour: what was accepted meanwhile still pages."""
    tenant = hall.tenant()
    now = tenant.now
    tenant.post(alert(starts=now, ends=now + timedelta(minutes=5)))
    hall.travel(timedelta(hours=1))
    hall.settle()
    assert [row["kind"] for row in tenant.rows("SELECT kind FROM alert_event")] == ["new"]
    (told,) = hall.providers.ledger.calls(dest=tenant.dest)
    assert told.body["status"] == "firing"
    hall.travel(timedelta(minutes=6))
    hall.settle()
    assert [call.body["status"] for call in hall.providers.ledger.calls(dest=tenant.dest)] == [
        "firing", "resolved"
    ]  # fmt: skip
