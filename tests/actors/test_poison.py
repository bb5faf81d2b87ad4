"""What ends the process that takes it is put aside after five times, and harms no neighbour."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from scheduler import housekeeping
from tests.actors.conftest import Hall, Tenant, alert
from tests.actors.escalating import begin, who

Travel = Callable[..., None]


class Killed(BaseException):
    """Stands for the end of the process: nobody handles it."""


def kills(tenant: Tenant) -> Callable[..., Any]:
    """What a worker does that ends at whatever is of this tenant."""

    def check(id: int) -> None:
        if id == tenant.id:
            raise Killed

    return check


def alarms(tenant: Tenant) -> list[str]:
    return tenant.column("SELECT own FROM inbox WHERE own LIKE '%%TocsinQuarantined%%'")


def restarted(hall: Hall) -> None:
    """A new process has nothing in its hands."""
    hall.module("_errands").in_flight.__init__()


def test_a_delivery_that_kills_its_worker_is_put_aside_and_its_neighbours_arrive(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, travel: Travel
) -> None:
    ill, well = hall.tenant(), hall.tenant()
    deliver, check = hall.module("deliver"), kills(ill)
    monkeypatch.setattr(deliver, "_call", _before(deliver._call, check))
    for tenant in (ill, well):
        tenant.send(alert(severity="critical"))
    hall.ring("flush")
    assert ill.one("SELECT count(*) FROM delivery") == 1
    for claims in range(1, 6):
        hall.ring("flush")
        for _ in range(2):
            with contextlib.suppress(Killed):
                hall.ring("deliver_webhook", queue="page")
            restarted(hall)
        assert ill.one("SELECT claims FROM delivery") == claims
        travel(seconds=hall.runtime.settings.lease_seconds + 1)
    assert len(well.told()) == 1
    hall.ring("deliver_webhook", queue="page")
    assert ill.column("SELECT state FROM delivery") == ["dead"]
    assert "5 processes" in ill.one("SELECT cause FROM delivery")
    assert len(alarms(ill)) == 1
    assert alarms(well) == []
    assert well.one("SELECT claims FROM delivery") == 0


def _before(work: Callable[..., Any], check: Callable[[int], None]) -> Callable[..., Any]:
    def run(here: Any, errand: Any, *rest: Any) -> Any:
        check(errand.row["tenant"])
        return work(here, errand, *rest)

    return run


def test_what_is_suspect_goes_alone(hall: Hall, travel: Travel) -> None:
    tenant, other = hall.tenant(), hall.tenant()
    errands = hall.module("_errands")
    tenant.send(alert(severity="critical"))
    hall.ring("flush")
    for _ in range(2):
        (errand,) = errands.claim(hall.runtime, "webhook", "page")
        restarted(hall)
        travel(seconds=hall.runtime.settings.lease_seconds + 1)
    other.send(alert(severity="critical"))
    hall.ring("flush")
    errands.in_flight.take(lambda busy, suspects: [errand.row])  # something is under way
    (next_one,) = errands.claim(hall.runtime, "webhook", "page")
    assert next_one.row["tenant"] == other.id
    restarted(hall)
    (alone,) = errands.claim(hall.runtime, "webhook", "page")
    assert (alone.row["tenant"], alone.row["claims"]) == (tenant.id, 3)
    assert errands.claim(hall.runtime, "webhook", "page") is None
    restarted(hall)


def dies(hall: Hall, actor: str, queue: str) -> None:
    """The process dies in the midst of it, and the clock finds what it left behind."""
    with contextlib.suppress(Killed):
        hall.ring(actor, queue=queue)
    with psycopg.connect(hall.servers.owner_url) as owner:
        owner.execute("UPDATE work_note SET backend = -1")
    housekeeping.recover(hall.record)


def test_a_group_whose_flush_kills_its_worker_stops_nobody_for_long(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, travel: Travel
) -> None:
    ill, well = hall.tenant(), hall.tenant()
    groups, check = hall.module("_groups"), kills(ill)
    monkeypatch.setattr(hall.module("flush"), "_decide", _deciding(hall, check))
    assert groups is not None
    for tenant in (ill, well):
        tenant.send(alert(severity="critical"))
    dies(hall, "flush", "pipeline")
    assert len(ill.rows("SELECT * FROM suspect")) == 1
    for _ in range(2):
        dies(hall, "flush", "pipeline")
    assert well.one("SELECT count(*) FROM delivery") == 1
    assert well.rows("SELECT * FROM suspect") == []
    for _ in range(5):
        travel(minutes=1)
        dies(hall, "flush", "pipeline")
    assert len(alarms(ill)) >= 1
    assert ill.one("SELECT max(due_at) - tocsin_now() FROM timer WHERE kind = 'flush'") > timedelta(
        minutes=5
    )
    # Whatever it was is repaired: it is tried again, and is suspect no more.
    monkeypatch.undo()
    travel(minutes=20)
    hall.ring("flush")
    assert ill.one("SELECT count(*) FROM delivery") == 1
    assert ill.rows("SELECT * FROM suspect") == []


def _deciding(hall: Hall, check: Callable[[int], None]) -> Callable[..., Any]:
    work = hall.module("flush")._decide

    def run(tx: Any, ids: list[int], sheets: list[Any], desk: Any) -> Any:
        for sheet in sheets:
            check(sheet.tenant.id)
        return work(tx, ids, sheets, desk)

    return run


def test_an_escalation_that_kills_its_worker_stops_nobody_for_long(
    hall: Hall, monkeypatch: pytest.MonkeyPatch, travel: Travel
) -> None:
    ill, well = begin(hall), begin(hall)
    steps, check = hall.module("_steps"), kills(ill)
    one = steps._one

    def run(here: Any, tx: Any, case: Any, sheet: Any) -> None:
        check(case.tenant.id)
        one(here, tx, case, sheet)

    monkeypatch.setattr(steps, "_one", run)
    travel(minutes=5, seconds=5)
    for _ in range(3):
        dies(hall, "escalate", "page")
    hall.ring("deliver_webhook", queue="page")
    assert who(well) == ["anna", "ben"]
    assert who(ill) == ["anna"]
    monkeypatch.undo()
    travel(minutes=1)
    hall.settle()
    assert who(ill) == ["anna", "ben"]


def test_a_batch_that_is_done_leaves_no_note(hall: Hall) -> None:
    tenant = hall.tenant()
    tenant.send(alert(severity="critical"))
    hall.ring("flush")
    with psycopg.connect(hall.servers.owner_url) as owner:
        owner.execute("UPDATE work_note SET noted_at = now() - interval '1 hour'")
    housekeeping.recover(hall.record)
    assert tenant.rows("SELECT * FROM suspect") == []
