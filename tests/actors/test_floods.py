"""A tenant that floods is folded: all of it is kept, somebody hears of it, nothing stays untold."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from schemas.alert import Severity
from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tests.actors.test_accounting import counted
from tocsin.domain import floods
from tocsin.storage import inbox

BACKLOG = 40
#: Above what counts as light, so that the claim says how much waits.
MANY = inbox.LIGHT + 50


@pytest.fixture(autouse=True)
def _backlog(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = hall.runtime.settings.model_copy(update={"fold_backlog": BACKLOG})
    monkeypatch.setattr(hall.runtime, "settings", chosen)
    # Whether a flood is over is looked at when a story says so, however slow the machine is.
    monkeypatch.setattr(hall.module("_floods"), "CHECK", timedelta(hours=1))


def flood(tenant: Tenant, *, severity: Severity = "warning", first: int = 0) -> None:
    """As many alerts as make a tenant heavy, all of one service."""
    tenant.post(*(
        alert("Flood", n=str(n), service="shop", severity=severity)
        for n in range(first, first + MANY)
    ))  # fmt: skip


def tally(tenant: Tenant) -> dict[str | None, int]:
    """How many events ended how."""
    rows = tenant.rows("SELECT outcome, count(*)::int AS n FROM alert_event GROUP BY outcome")
    return {row["outcome"]: row["n"] for row in rows}


def names(tenant: Tenant) -> list[tuple[str, str]]:
    """Of which alerts the receiver heard, in order, and whether they fired."""
    return [(m["groupLabels"]["alertname"], m["status"]) for m in tenant.told()]


def test_a_flood_is_kept_and_counted_and_a_person_hears_of_it(hall: Hall) -> None:
    tenant = hall.tenant()
    flood(tenant)
    hall.settle()
    assert tally(tenant)["folded"] == MANY
    assert tenant.one("SELECT count(*) FROM alert WHERE position('shop' in labels) > 0") == MANY
    assert names(tenant) == [(floods.FLOOD, "firing")]
    notes = tenant.told()[0]["commonAnnotations"]
    assert str(MANY) in notes["summary"]
    assert "service=shop" in notes["description"]


def test_each_folded_event_names_its_fold_and_each_alert_is_in_it(hall: Hall) -> None:
    tenant = hall.tenant()
    flood(tenant)
    hall.ring("dedup")
    (fold,) = tenant.rows("SELECT id::text, alerts, labels FROM fold")
    causes = tenant.column("SELECT DISTINCT cause FROM alert_event WHERE outcome = 'folded'")
    assert causes == [fold["id"]]
    assert fold["alerts"] == MANY
    assert json.loads(fold["labels"]) == {
        "alertname": "Flood", "service": "shop", "severity": "warning"
    }  # fmt: skip
    assert tenant.one("SELECT count(*) FROM folded_alert") == MANY


def test_when_it_is_over_what_still_fires_goes_its_way_and_the_rest_stays_folded(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    flood(tenant)
    hall.settle()
    tenant.post(alert("Flood", "resolved", n="0", service="shop", severity="warning",
                      ends=tenant.now))  # fmt: skip
    hall.settle()
    travel(hours=2)
    hall.settle()
    heard = names(tenant)
    assert heard[0] == (floods.FLOOD, "firing")
    assert (floods.FLOOD, "resolved") in heard
    assert ("Flood", "firing") in heard
    again = tenant.rows("SELECT fingerprint, outcome FROM alert_event WHERE kind = 'rerouted'")
    assert {row["outcome"] for row in again} == {"notified"}
    fires = set(tenant.column("SELECT fingerprint FROM alert WHERE status = 'firing'"))
    assert {row["fingerprint"] for row in again} == fires
    assert len(fires) == MANY - 1
    assert tenant.one("SELECT count(*) FROM folded_alert") == 0
    assert tenant.one("SELECT count(*) FROM fold WHERE ended_at IS NULL") == 0
    assert None not in tally(tenant)


def test_its_end_says_how_many_were_folded_and_how_many_fire(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    flood(tenant)
    hall.settle()
    travel(hours=2)
    hall.settle()
    (over,) = [m for m, name in zip(tenant.told(), names(tenant), strict=True)
               if name == (floods.FLOOD, "resolved")]  # fmt: skip
    assert (
        f"{MANY} alerts were folded; {MANY} of them" in over["alerts"][0]["annotations"]["summary"]
    )


def test_critical_alerts_are_never_folded(hall: Hall) -> None:
    tenant = hall.tenant()
    flood(tenant, severity="critical")
    hall.settle()
    assert "folded" not in tally(tenant)
    assert names(tenant) == [("Flood", "firing")]
    assert tenant.one("SELECT count(*) FROM fold") == 0


def test_a_critical_alert_in_the_middle_of_a_flood_is_told_at_once(hall: Hall) -> None:
    tenant = hall.tenant()
    crowd = [alert("Flood", n=str(n), severity="warning") for n in range(MANY)]
    tenant.post(*crowd[:10], alert("Fire", severity="critical"), *crowd[10:])
    hall.settle()
    assert sorted(names(tenant)) == [("Fire", "firing"), (floods.FLOOD, "firing")]
    assert tally(tenant)["folded"] == MANY


def test_while_it_goes_on_the_fold_stays_and_is_the_same(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    flood(tenant)
    hall.settle()
    travel(hours=2)
    flood(tenant, first=MANY)
    hall.ring("unfold")
    assert tenant.one("SELECT ended_at FROM fold") is None
    hall.settle()
    assert tenant.one("SELECT alerts FROM fold") == 2 * MANY
    assert names(tenant) == [(floods.FLOOD, "firing")]


def test_an_end_goes_its_way_also_in_a_flood(hall: Hall) -> None:
    tenant = hall.tenant()
    tenant.post(alert("Told", severity="warning"))
    hall.settle()
    over = alert("Told", "resolved", severity="warning", ends=tenant.now)
    tenant.post(*(alert("Flood", n=str(n), severity="warning") for n in range(MANY)), over)
    hall.settle()
    assert ("Told", "resolved") in names(tenant)


def test_a_changed_policy_does_not_send_round_what_is_folded(hall: Hall) -> None:
    tenant = hall.tenant()
    flood(tenant)
    hall.settle()
    tenant.apply(POLICY.replace("group_interval: 0s", "group_interval: 1s"))
    hall.settle()
    assert names(tenant) == [(floods.FLOOD, "firing")]


def test_a_neighbour_is_not_folded(hall: Hall) -> None:
    loud, quiet = hall.tenant(), hall.tenant()
    flood(loud)
    quiet.post(alert("Mine", severity="warning"))
    hall.settle()
    assert quiet.outcomes() == ["notified"]
    assert quiet.one("SELECT count(*) FROM fold") == 0


def test_a_backlog_of_zero_folds_nothing(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = hall.runtime.settings.model_copy(update={"fold_backlog": 0})
    monkeypatch.setattr(hall.runtime, "settings", chosen)
    tenant = hall.tenant()
    flood(tenant)
    hall.settle()
    assert tally(tenant) == {"notified": MANY}


def test_each_accepted_alert_is_accounted_for(hall: Hall, travel: Callable[..., Any]) -> None:
    tenant = hall.tenant()
    flood(tenant)
    flood(tenant)  # the same again: repeats
    hall.settle()
    travel(hours=2)
    hall.settle()
    sums, posted = counted(tenant), tenant.one("SELECT count(*) FROM alert_event WHERE posted")
    assert sums["alerts_accepted_total"] == 2 * MANY == posted + sums["repeat"]
    assert sums["suppressions_processed_total"] == MANY
    assert tenant.one("SELECT count(*) FROM alert_event WHERE outcome IS NULL") == 0
