"""Silences and maintenance windows in flight: what they hold, let go, and how they end."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent import futures
from datetime import timedelta
from typing import Any

import psycopg

from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tocsin.security import audit
from tocsin.storage import silences

REPEATS = POLICY.replace("group_interval: 0s", "group_interval: 0s\n  repeat_interval: 1h")
LULL = "SELECT 1 FROM timer WHERE kind = 'lull'"


def quiet(tenant: Tenant, *matchers: str, window: str | None = None, **terms: Any) -> uuid.UUID:
    """Make a silence of an hour, or a maintenance window, as the API does."""
    with tenant.hall.record.session([tenant.id]) as tx:
        wanted = silences.Terms(
            matchers or ["alertname=Disk"],
            tx.now + terms.pop("begins", timedelta(0)),
            tx.now + terms.pop("lasts", timedelta(hours=1)),
            "work",
            **terms,
        )
        return silences.make(tx, tenant.id, wanted, "ann", window)


def edit(tenant: Tenant, silence: uuid.UUID, *matchers: str, **more: Any) -> None:
    with tenant.hall.record.session([tenant.id]) as tx:
        row = silences.lock(tx, tenant.id, silence)
        assert row is not None
        lasts = more.pop("lasts", None)
        ends = row["starts_at"] + lasts if lasts else row["ends_at"]
        terms = silences.Terms(
            matchers or row["matchers"], row["starts_at"], ends, "edited", **more
        )
        silences.change(tx, tenant.id, row, terms, "ben")


def fire(tenant: Tenant, name: str = "Disk", **labels: Any) -> None:
    tenant.send(alert(name, starts=tenant.now - timedelta(minutes=1), **labels))


def over(tenant: Tenant, name: str = "Disk", **labels: Any) -> None:
    now = tenant.now
    start = now - timedelta(minutes=1)
    tenant.send(alert(name, "resolved", starts=start, ends=now, **labels))


def until_somebody_waits(hall: Hall) -> None:
    """For a lock; at most ten seconds."""
    for _ in range(500):
        with psycopg.connect(hall.servers.owner_url) as owner:
            if owner.execute("SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
                return
        time.sleep(0.02)
    raise AssertionError("nobody waits")


def ended_by(tenant: Tenant) -> str | None:
    """Who ended the only silence; empty while it is in force."""
    (row,) = tenant.rows("SELECT ends_at > tocsin_now() AS lasts, ended_by FROM silence")
    return "" if row["lasts"] else row["ended_by"]


def test_a_silence_until_resolved_ends_with_what_it_held(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    quiet(tenant, until_resolved=True)
    fire(tenant, n="1")
    fire(tenant, n="2")
    hall.settle()
    assert tenant.outcomes() == ["silenced", "silenced"]
    over(tenant, n="1")
    travel(minutes=10)
    hall.settle()
    assert ended_by(tenant) == "", "one still fires"
    over(tenant, n="2")
    hall.settle()
    travel(minutes=4)
    hall.settle()
    assert ended_by(tenant) == "", "within the grace"
    travel(minutes=2)
    hall.settle()
    assert ended_by(tenant) == "tocsin"
    assert (tenant.column(LULL), tenant.told()) == ([], [])
    with hall.record.session([tenant.id]) as tx:
        assert audit.verify(tx, tenant.id) is None
    assert tenant.column("SELECT act FROM audit") == ["silence.expire"]
    fire(tenant, n="1")
    hall.settle()
    assert len(tenant.told()) == 1, "the next time somebody is told"


def test_a_silence_until_resolved_that_held_nothing_stays(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    quiet(tenant, until_resolved=True)
    fire(tenant, "Other")
    hall.settle()
    over(tenant, "Other")
    travel(minutes=50)
    hall.settle()
    assert ended_by(tenant) == ""
    assert tenant.column("SELECT 1 FROM silence_held") == []


def test_an_alert_that_flaps_does_not_end_it(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant()
    quiet(tenant, until_resolved=True, lasts=timedelta(hours=3))
    for _ in range(4):
        fire(tenant)
        hall.settle()
        travel(minutes=3)
        over(tenant)
        hall.settle()
        travel(minutes=3)
        hall.settle()
        assert ended_by(tenant) == ""
    travel(minutes=3)
    hall.settle()
    assert ended_by(tenant) == "tocsin"
    assert tenant.told() == []


def test_a_plain_silence_costs_no_notes(hall: Hall) -> None:
    tenant = hall.tenant()
    quiet(tenant)
    fire(tenant)
    hall.settle()
    assert tenant.column("SELECT 1 FROM silence_held") == []
    assert tenant.column(LULL) == []


def test_an_edit_lets_go_what_it_no_longer_names_and_keeps_the_rest(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY.replace("[alertname]", "[alertname, n]"))
    silence = quiet(tenant)
    fire(tenant, n="1")
    fire(tenant, n="2")
    hall.settle()
    assert tenant.told() == []
    edit(tenant, silence, "alertname=Disk", "n=2")
    hall.settle()
    assert [m["alerts"][0]["labels"]["n"] for m in tenant.told()] == ["1"]
    assert tenant.column("SELECT muted_by FROM group_member WHERE muted_by IS NOT NULL") == [
        [str(silence)]
    ]
    travel(minutes=61)
    hall.settle()
    assert len(tenant.told()) == 2, "its end is still watched"
    assert tenant.column("SELECT 1 FROM timer WHERE kind = 'silence'") == []


def test_an_edit_to_a_longer_end_arms_the_timer_again(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    silence = quiet(tenant)
    fire(tenant)
    hall.settle()
    edit(tenant, silence, lasts=timedelta(hours=3))
    hall.settle()
    (ends,) = tenant.column("SELECT ends_at FROM silence")
    assert tenant.column("SELECT due_at FROM timer WHERE kind = 'silence'") == [ends]
    travel(hours=2)
    hall.settle()
    assert tenant.told() == []
    travel(minutes=61)
    hall.settle()
    assert len(tenant.told()) == 1


def test_an_edit_waits_for_the_flush_that_still_obeys_and_wakes_what_it_held(hall: Hall) -> None:
    tenant = hall.tenant()
    silence = quiet(tenant)
    fire(tenant)
    with futures.ThreadPoolExecutor(1) as pool:
        with hall.record.session([tenant.id]) as tx:
            assert [row["id"] for row in silences.active(tx, [tenant.id], tx.now)] == [silence]
            done = pool.submit(edit, tenant, silence, "alertname=Something")
            until_somebody_waits(hall)
            # What the rest of that flush would write.
            tx.run("UPDATE group_member SET muted_by = %s", [[str(silence)]])
            tx.run("DELETE FROM timer WHERE kind = 'flush'")
            assert not done.done()
        done.result(10)
    hall.settle()
    assert len(tenant.told()) == 1


def test_what_an_edit_makes_last_until_resolved_counts_what_it_holds_already(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    silence = quiet(tenant)
    fire(tenant)
    hall.settle()
    edit(tenant, silence, until_resolved=True)
    hall.settle()
    over(tenant)
    hall.settle()
    travel(minutes=6)
    hall.settle()
    assert ended_by(tenant) == "tocsin"


def test_maintenance_mutes_and_tells_at_its_end_what_still_fires(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    window = quiet(tenant, window="Upgrade")
    fire(tenant)
    fire(tenant, "Other")
    hall.settle()
    assert sorted(map(str, tenant.outcomes())) == ["muted", "notified"]
    assert tenant.column("SELECT cause FROM alert_event WHERE outcome = 'muted'") == [str(window)]
    assert tenant.column(
        "SELECT labels FROM tally WHERE name = 'suppressions_processed_total'"
    ) == ["muted"]  # fmt: skip
    travel(minutes=61)
    hall.settle()
    assert len(tenant.told()) == 2
    assert tenant.outcomes() == ["notified", "notified"]


def test_what_is_over_by_the_end_of_maintenance_is_not_told(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant()
    quiet(tenant, window="Upgrade")
    fire(tenant)
    hall.settle()
    over(tenant)
    hall.settle()
    travel(minutes=61)
    hall.settle()
    assert tenant.told() == []


def test_maintenance_stops_repeats_that_are_running(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(REPEATS)
    fire(tenant)
    hall.settle()
    quiet(tenant, window="Upgrade", lasts=timedelta(hours=5))
    travel(hours=2)
    hall.settle()
    travel(hours=2)
    hall.settle()
    assert len(tenant.told()) == 1
    travel(hours=2)
    hall.settle()
    assert len(tenant.told()) == 2


def test_a_silence_beside_maintenance_is_named_as_the_stronger(hall: Hall) -> None:
    tenant = hall.tenant()
    both = {str(quiet(tenant, window="Upgrade")), str(quiet(tenant))}
    fire(tenant)
    hall.settle()
    assert tenant.outcomes() == ["silenced"]
    assert set(tenant.one("SELECT cause FROM alert_event").split()) == both


def test_a_window_that_has_not_begun_mutes_nothing(hall: Hall) -> None:
    tenant = hall.tenant()
    quiet(tenant, window="Later", begins=timedelta(minutes=30))
    fire(tenant)
    hall.settle()
    assert tenant.outcomes() == ["notified"]
