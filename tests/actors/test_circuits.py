"""A destination that fails is left alone, its pages wait for the next try, and say so."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.actors.conftest import Hall, Tenant, alert
from tocsin.demo.fakes import faults
from tocsin.domain import circuit as domain
from tocsin.egress import addresses, guard

Travel = Callable[..., None]

POLICY = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - name: ops
    webhook: [{url: "{hook}/a"}, {url: "{hook}/b"}]
"""


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour to the next try: however slow this machine is, none happens by itself."""
    monkeypatch.setattr(domain, "pause", lambda probes: timedelta(hours=1))


def fails(tenant: Tenant, kind: faults.Kind = "status", name: str = "a", **more: Any) -> None:
    fault = faults.Fault(kind, **{"status": 503, **more})
    tenant.hall.providers.script.add(fault, dest=f"{tenant.dest}/{name}")


def calls(tenant: Tenant, name: str = "a") -> int:
    return len(tenant.hall.providers.ledger.calls(dest=f"{tenant.dest}/{name}"))


def deliver(hall: Hall) -> None:
    hall.ring("deliver_webhook", queue="page")


def fire(tenant: Tenant, *names: str) -> None:
    for name in names:
        tenant.send(alert(name, severity="critical"))
    tenant.hall.ring("flush")


def circuit(tenant: Tenant) -> dict[str, Any]:
    (row,) = tenant.rows("SELECT * FROM circuit WHERE failures > 0")
    return row


def opened(hall: Hall, kind: faults.Kind = "status", **more: Any) -> Tenant:
    """A tenant one of whose two webhooks has failed often enough."""
    tenant = hall.tenant(POLICY)
    fails(tenant, kind, **more)
    fire(tenant, "A", "B", "C", "D", "E")
    for _ in range(10):
        deliver(hall)
    return tenant


FAULTS: list[tuple[faults.Kind, dict[str, Any]]] = [
    ("status", {}), ("status", {"status": 500}), ("status", {"status": 401}),
    ("cut_before", {}), ("hang", {}),
]  # fmt: skip


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize(("kind", "more"), FAULTS)
def test_five_failures_in_a_row_open_it_and_its_neighbour_hears_everything(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, kind: faults.Kind, more: dict[str, Any]
) -> None:
    with guard.client(addresses.networks("127.0.0.0/8"), connect=1.0, total=1.0) as hasty:
        if kind == "hang":
            monkeypatch.setattr(hall.module("deliver").channels, "http_client", lambda _: hasty)
        tenant = opened(hall, kind, **more)
        assert (circuit(tenant)["failures"], calls(tenant)) == (5, 5)
        assert circuit(tenant)["opened_at"] is not None
        fire(tenant, "F", "G")
        deliver(hall)
        deliver(hall)
    assert calls(tenant) == 5
    assert calls(tenant, "b") == 7
    assert tenant.one("SELECT count(*) FROM tally WHERE name = 'breaker_opened_total'") == 1


@pytest.mark.parametrize("more", [{"status": 404}, {"status": 429}, {"status": 302}])
def test_what_the_message_is_to_blame_for_opens_nothing(hall: Hall, more: dict[str, Any]) -> None:
    tenant = opened(hall, **more)
    assert calls(tenant) >= 5
    assert tenant.rows("SELECT * FROM circuit WHERE failures > 0") == []


@pytest.mark.usefixtures("patient")
def test_what_waits_says_since_when_and_until_when_and_one_probe_lets_it_go(
    hall: Hall, travel: Travel
) -> None:
    tenant = opened(hall, times=5)
    fire(tenant, "F")
    travel(minutes=1)
    deliver(hall)
    waits = tenant.rows("SELECT * FROM delivery WHERE state = 'pending'")
    assert len(waits) == 6
    for row in waits:
        assert row["held"]
        assert row["due_at"] == circuit(tenant)["probe_at"]
        assert "is open since" in row["cause"]
        assert "next try at" in row["cause"]
    travel(hours=1)
    hall.settle()
    assert set(tenant.column("SELECT state FROM delivery")) == {"sent"}
    assert tenant.rows("SELECT * FROM circuit WHERE failures > 0") == []
    assert tenant.one("SELECT max(attempts) FROM delivery") == 2


def test_while_it_fails_one_probe_goes_at_a_time_and_ever_more_rarely(
    hall: Hall, travel: Travel
) -> None:
    tenant = opened(hall)
    for _ in range(4):
        before, due = calls(tenant), circuit(tenant)["probe_at"]
        hall.travel(due - tenant.now)
        deliver(hall)
        deliver(hall)
        assert calls(tenant) == before + 1
        assert circuit(tenant)["probe_at"] - due >= timedelta(seconds=20)
    travel(minutes=1)
    hall.settle()
    row = tenant.rows("SELECT * FROM delivery WHERE state = 'pending' ORDER BY due_at DESC")[0]
    assert row["due_at"] <= circuit(tenant)["probe_at"]


@pytest.mark.usefixtures("patient")
def test_a_probe_whose_process_dies_is_followed_by_another(hall: Hall, travel: Travel) -> None:
    tenant = opened(hall, times=5)
    travel(hours=1)
    errands = hall.module("_errands")
    (errand,) = errands.claim(hall.runtime, "webhook", "page")
    errands.in_flight.done(errand.row, well=True)
    deliver(hall)
    assert calls(tenant) == 5
    travel(seconds=hall.runtime.settings.lease_seconds + 1)
    hall.settle()
    assert set(tenant.column("SELECT state FROM delivery")) == {"sent"}


def test_tenants_have_circuits_of_their_own(hall: Hall) -> None:
    tenant, other = opened(hall), hall.tenant(POLICY)
    assert circuit(tenant)["failures"] == 5
    assert other.rows("SELECT * FROM circuit") == []


@pytest.mark.usefixtures("patient")
def test_redis_knows_nothing_of_circuits(hall: Hall, travel: Travel) -> None:
    import redis

    tenant = opened(hall)
    redis.Redis.from_url(hall.servers.redis_url).flushdb()
    fire(tenant, "F")
    travel(minutes=1)
    deliver(hall)
    assert calls(tenant) == 5
    assert tenant.one("SELECT count(*) FROM delivery WHERE held") == 6
