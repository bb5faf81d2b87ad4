"""The view of the workers: for whom, and what it must not show."""

from __future__ import annotations

from datetime import timedelta

import pytest

from scheduler import watch_tenant
from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.dashboard.conftest import SignIn
from tocsin.storage import progress, tenants
from tocsin.storage.record import Record
from workers import gauge


@pytest.mark.parametrize(("scope", "status"), [("read", 403), ("respond", 403), ("admin", 303)])
def test_only_an_admin_puts_messages_back(
    sign_in: SignIn, someone: Someone, record: Record, scope: str, status: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    asked = []

    def put_back(url: str, queue: str) -> int:
        asked.append(queue)
        return 3

    monkeypatch.setattr(gauge, "put_back", put_back)
    found = sign_in(someone, scope).post("/ui/system/requeue", {"queue": "page"})
    assert found.status_code == status
    assert asked == (["page"] if status == 303 else [])
    with record.session([someone.tenant]) as tx:
        acts = tx.rows("SELECT act, subject FROM audit WHERE act = 'queue.requeue'")
    assert acts == ([{"act": "queue.requeue", "subject": "page"}] if status == 303 else [])


def test_no_queue_that_there_is_not(sign_in: SignIn, someone: Someone) -> None:
    found = sign_in(someone, "admin").post("/ui/system/requeue", {"queue": "../x"})
    assert found.status_code == 404


def test_shows_numbers_and_nothing_of_others(
    sign_in: SignIn, someone: Someone, other: Someone, record: Record,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    seeds.story(record, other.tenant)
    standing = gauge.Gauge([gauge.Queue("page", 12, 3, 0, 4)], [0.4])
    monkeypatch.setattr(gauge, "read", lambda url, names: standing)
    browser = sign_in(someone, "admin")
    page = browser.get("/ui/system").text
    assert other.slug not in page
    assert "DiskFull" not in page
    assert "Put 4 back" in page
    part = browser.get("/ui/system", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="system"')
    assert "Put 4 back" not in sign_in(someone, "read").get("/ui/system").text
    monkeypatch.setattr(gauge, "read", lambda url, names: None)
    assert "Redis does not answer" in browser.get("/ui/system").text


def test_shows_the_loops_and_the_last_alert_of_its_own(
    sign_in: SignIn, someone: Someone, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gauge, "read", lambda url, names: None)
    browser = sign_in(someone, "read")
    assert "None has arrived yet" not in browser.get("/ui/system").text  # no loop is known at all
    with record.claims() as tx:
        progress.write(tx, "here/1", [progress.Step("clock.sweep", 45.0, 5)])
    try:
        page = browser.get("/ui/system").text
        assert "clock.sweep" in page
        assert "None has arrived yet" in page
        assert "has stood still for" in page
        with record.claims() as tx:
            home = watch_tenant.find(tx, "system") or tenants.create(tx, "system", "")
            tx.scope([home])
            tx.run("INSERT INTO synthetic (tenant, id, fingerprint, source, posted_at, arrived_at)"
                   " VALUES (%s, 1, 'f', 'watch', %s, %s)",
                   [home, tx.now - timedelta(seconds=2), tx.now])  # fmt: skip
        assert "(2.0 s)" in browser.get("/ui/system").text
    finally:
        with record.claims() as tx:
            tx.run("DELETE FROM progress")
