"""A storm is one page and a digest; what is critical passes; nothing is lost or told twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent import futures
from datetime import timedelta

import pytest

from tests.actors.conftest import Hall, alert
from tests.actors.storming import POLICY, blow, heard, outcomes, over
from tocsin.storage import silences


@pytest.fixture(autouse=True)
def _whole(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hall.module("_storms"), "breaker", hall.module("_storms")._Breaker())


def test_a_storm_is_one_page_that_says_what_it_shares(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    (title,) = heard(tenant)
    assert title.startswith("Storm: 30 alerts in ")
    assert "100 % alertname=NodeDown" in title
    assert outcomes(tenant) == {"folded": 30}
    (storm,) = tenant.rows("SELECT id::text, incident_id FROM storm")
    assert set(tenant.column("SELECT cause FROM alert_event")) == {storm["id"]}
    assert tenant.one("SELECT count(*) FROM incident") == 1
    joined = "SELECT group_id FROM incident_group WHERE incident_id = %s AND reason = 'storm'"
    groups = tenant.column(joined, storm["incident_id"])
    assert len(groups) == 30


def test_what_comes_below_the_threshold_is_told_as_ever(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 20)
    hall.settle()
    assert len(tenant.told()) == 20
    assert outcomes(tenant) == {"notified": 20}
    assert tenant.rows("SELECT 1 AS one FROM storm") == []


def test_critical_groups_pass_at_once_and_once_each(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    blow(tenant, 3, name="Fire", severity="critical", cluster="eu2")
    hall.settle()
    names = [title.partition(":")[0] for title in heard(tenant)]
    assert sorted(names) == ["Fire", "Fire", "Fire", "Storm"]
    now = tenant.now
    tenant.post(*(alert("Fire", starts=now, node="n0", cluster="eu2", severity="critical", n=str(n))
                  for n in range(5)))  # fmt: skip
    hall.settle()
    assert len(tenant.told()) == 4
    assert outcomes(tenant) == {"folded": 35, "notified": 3}


def test_it_is_told_again_after_the_interval_if_there_is_news_and_at_its_end(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    for n in range(13):
        blow(tenant, 30, first=30 * n)
        hall.settle()
        travel(minutes=1)
    assert [t.partition(" in ")[0] for t in heard(tenant)] == [
        "Storm: 30 alerts", "Storm: 330 alerts"
    ]  # fmt: skip
    travel(minutes=6)
    hall.settle()
    last = tenant.told()[-1]
    assert heard(tenant)[2].startswith("Storm: 390 alerts")
    assert last["incident"]["reason"] == "new_alerts"
    travel(hours=1)
    hall.settle()
    assert len(tenant.told()) == 3
    assert tenant.one("SELECT ended_at IS NOT NULL FROM storm")
    assert outcomes(tenant) == {"folded": 390}


def test_ends_are_told_once_for_all_that_was_folded(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    travel(minutes=6)
    hall.settle()
    assert len(tenant.told()) == 2
    over(tenant, 29)
    hall.settle()
    assert len(tenant.told()) == 2
    over(tenant, 30)
    hall.settle()
    assert [body["status"] for body in tenant.told()] == ["firing", "firing", "resolved"]
    assert tenant.column("SELECT state FROM incident") == ["resolved"]
    assert tenant.one("SELECT closed_at IS NOT NULL FROM storm")
    travel(days=2)
    hall.settle()
    assert len(tenant.told()) == 3


def test_what_is_over_before_the_end_makes_the_digest_the_end(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    over(tenant, 30)
    travel(minutes=6)
    hall.settle()
    assert [body["status"] for body in tenant.told()] == ["firing", "resolved"]
    assert tenant.one("SELECT closed_at IS NOT NULL FROM storm")


def test_news_of_a_group_that_was_told_before_are_folded_too_and_told_by_the_storm(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY.replace("[alertname, node]", "[alertname]"))
    blow(tenant, 1)
    hall.settle()
    blow(tenant, 30, first=1)
    hall.settle()
    assert [t.partition(":")[0] for t in heard(tenant)] == ["NodeDown", "Storm"]
    assert outcomes(tenant) == {"notified": 1, "folded": 30}
    travel(minutes=6)
    hall.settle()
    assert [t.partition(":")[0] for t in heard(tenant)] == ["NodeDown", "Storm", "Storm"]
    assert tenant.told()[-1]["status"] == "firing"
    assert outcomes(tenant) == {"notified": 1, "folded": 30}
    over(tenant, 31)
    hall.settle()
    assert [t.partition(":")[0] for t in heard(tenant)] == [
        "NodeDown", "Storm", "Storm", "NodeDown"
    ]  # fmt: skip
    assert tenant.told()[-1]["status"] == "resolved"
    assert tenant.column("SELECT DISTINCT state FROM incident") == ["resolved"]


def test_what_is_new_after_the_storm_is_told_by_its_own_group(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    travel(minutes=6)
    hall.settle()
    tenant.send(alert("NodeDown", starts=tenant.now, node="n7", severity="error", disk="sda"))
    hall.settle()
    assert len(tenant.told()) == 3
    assert outcomes(tenant) == {"folded": 30, "notified": 1}


def test_everything_works_where_the_counting_fails(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(hall.module("_storms").rules, "rise", broken)
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    assert outcomes(tenant) == {"notified": 30}


def test_everything_is_told_where_folding_fails(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(hall.module("_storms").storms, "count", broken)
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    assert outcomes(tenant) == {"notified": 30}


def test_everything_is_told_where_the_storm_itself_cannot_be(
    hall: Hall, travel: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(hall.module("digest"), "_look", broken)
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    assert [t for t in heard(tenant) if "NodeDown" in t] == []
    travel(seconds=61)
    hall.settle()
    # One page for all that was held back, which nothing is from then on.
    assert [t for t in heard(tenant) if "Tocsin" not in t] == ["A storm of alerts"]
    blow(tenant, 30, name="Slow")
    hall.settle()
    assert len([t for t in heard(tenant) if t.startswith("Slow")]) == 30


def test_each_receiver_hears_of_its_part(hall: Hall) -> None:
    tenant = hall.tenant(
        POLICY.replace(
            "storms:", "  routes: [{matchers: ['cluster=\"eu2\"'], receiver: dba}]\nstorms:"
        )
        + "  - name: dba\n    webhook:\n      - url: {hook}\n"
    )
    blow(tenant, 30)
    blow(tenant, 25, name="Slow", cluster="eu2")
    hall.settle()
    told = tenant.told()
    assert sorted(body["receiver"] for body in told) == ["dba", "ops"]
    (mine,) = [body for body in told if body["receiver"] == "dba"]
    assert "25 of its alerts are yours" in " ".join(mine["incident"]["notes"])
    assert tenant.one("SELECT count(*) FROM incident") == 1


def test_the_storm_is_over_when_little_comes_although_something_does(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    for n in range(6):
        travel(minutes=1)
        blow(tenant, 5, first=100 + 5 * n)
        hall.settle()
    assert tenant.one("SELECT ended_at IS NOT NULL FROM storm")


def test_silenced_alerts_are_no_part_of_it(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    with hall.record.session([tenant.id]) as tx:
        silences.create(
            tx, tenant.id, matchers=["cluster=eu1"], starts_at=tx.now,
            ends_at=tx.now + timedelta(hours=1), comment="work", by="ann",
        )  # fmt: skip
    blow(tenant, 30)
    hall.settle()
    assert outcomes(tenant) == {"silenced": 30}
    assert tenant.told() == []


def test_a_flood_that_was_folded_comes_back_as_a_storm(
    hall: Hall, travel: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = hall.runtime.settings.model_copy(update={"fold_backlog": 40})
    monkeypatch.setattr(hall.runtime, "settings", chosen)
    tenant = hall.tenant(POLICY)
    blow(tenant, 250)
    hall.settle()
    travel(minutes=5)
    hall.settle()
    names = Counter(title.partition(":")[0] for title in heard(tenant))
    assert names["Storm"] == 1
    assert names["NodeDown"] == 0


def test_two_pipelines_count_every_alert_once(hall: Hall) -> None:
    tenant = hall.tenant(POLICY.replace("threshold: 20", "threshold: 1000"))
    for first in range(0, 90, 10):  # no more than a webhook takes at once
        blow(tenant, 10, first=first)
    with futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: hall.ring("dedup"), range(2)))
    hall.settle()
    assert tenant.one("SELECT alerts FROM storm_meter") == 90
