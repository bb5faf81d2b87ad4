"""The page of heartbeats and its card on the first page."""

from __future__ import annotations

import pytest

from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.dashboard.conftest import SignIn
from tocsin.storage import heartbeats
from tocsin.storage.heartbeats import Ping
from tocsin.storage.record import Record


@pytest.fixture
def beats(record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        seeds.heartbeats_of(tx, someone.tenant, "backup", "watchdog", "mail")
        tx.run("UPDATE heartbeat SET planned_at = planned_at - interval '1 day'")
        heartbeats.ping(tx, [
            heartbeats.folded(someone.tenant, "watchdog", [Ping("success", 1)]),
            heartbeats.folded(someone.tenant, "backup", [
                Ping("success", 900, source="10.1.2.3", agent="<b>curl</b>"),
            ]),
        ])  # fmt: skip


@pytest.mark.usefixtures("beats")
def test_what_needs_somebody_stands_first(
    sign_in: SignIn, someone: Someone, other: Someone, record: Record
) -> None:
    with record.session([other.tenant]) as tx:
        seeds.heartbeats_of(tx, other.tenant, "secret-of-others")
    page = sign_in(someone).get("/ui/heartbeats").text
    assert page.index("backup") < page.index("mail") < page.index("watchdog")
    assert "It was not heard of." in page
    assert "&lt;b&gt;curl&lt;/b&gt;" in page
    assert "secret-of-others" not in page
    part = sign_in(someone).get("/ui/heartbeats", headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="heartbeats"')
    now = sign_in(someone).get("/ui/now").text
    assert "backup" in now
    assert "watchdog" not in now


def test_who_has_none_sees_no_card(sign_in: SignIn, someone: Someone) -> None:
    assert "/ui/heartbeats" not in sign_in(someone).get("/ui/now").text
    assert "Nothing must be heard" in sign_in(someone).get("/ui/heartbeats").text


@pytest.mark.usefixtures("beats")
def test_pause_and_resume(
    sign_in: SignIn, someone: Someone, pages_rings: list[tuple[str, str]]
) -> None:
    browser = sign_in(someone)
    done = browser.post("/ui/heartbeats/backup/pause")
    assert done.headers["Location"] == "/ui/heartbeats?said=beat_paused"
    assert ("miss", "pipeline") in pages_rings
    page = browser.get("/ui/heartbeats?said=beat_paused").text
    assert "paused by respond robot" in page
    assert "Paused: nothing is expected" in page
    assert browser.post("/ui/heartbeats/backup/resume").status_code == 303
    assert browser.post("/ui/heartbeats/backup/rotate").status_code == 404
    assert browser.post("/ui/heartbeats/nobody/pause").status_code == 404
    reader = sign_in(someone, "read")
    assert "Pause" not in reader.get("/ui/heartbeats").text
    assert reader.post("/ui/heartbeats/backup/pause").status_code == 403
