"""Heartbeats over HTTP: how they are, what people do about them, and what only some may see."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.web import seeds
from tests.web.conftest import OPERATOR, Someone, Web
from tests.web.test_measures import scraped
from tocsin.domain.heartbeats import Heartbeat, Rhythm
from tocsin.storage import heartbeats, timelines
from tocsin.storage.heartbeats import Ping
from tocsin.storage.record import Record

BASE = "/api/v1/heartbeats"


def ping(record: Record, who: Someone, name: str, ping: Ping) -> None:
    with record.session([who.tenant]) as tx:
        heartbeats.ping(tx, [heartbeats.folded(who.tenant, name, [ping])])


def shown(web: Web, who: Someone, name: str = "", scope: str = "respond") -> Any:
    found = web.client.get(f"{BASE}/{name}" if name else BASE, headers=who.as_(scope))
    assert found.status_code == 200, found.text
    return found.json()


def post(web: Web, who: Someone, path: str, scope: str = "respond", **body: Any) -> Any:
    found = web.client.post(f"{BASE}/{path}", json=body, headers=who.as_(scope))
    assert found.status_code == 200, found.text
    return found.json()


@pytest.fixture
def beats(record: Record, someone: Someone) -> None:
    nightly = Rhythm(None, "0 3 * * *", "Europe/Berlin", timedelta(minutes=10))
    five = Rhythm(timedelta(minutes=5), "", "UTC", timedelta(minutes=1))
    with record.session([someone.tenant]) as tx:
        seeds.nobody_is_deaf(tx)
        heartbeats.lay(tx, someone.tenant, [
            *(Heartbeat(name, five) for name in ("a", "b", "c", "d")), Heartbeat("n", nightly),
        ])  # fmt: skip
        tx.run("UPDATE heartbeat SET planned_at = planned_at - interval '1 day'")


@pytest.mark.usefixtures("beats")
def test_each_as_it_is_now(web: Web, someone: Someone, other: Someone, record: Record) -> None:
    ping(record, someone, "a", Ping("success", 1, None, "10.1.2.3", "curl/8"))
    ping(record, someone, "b", Ping("success", 330))
    ping(record, someone, "c", Ping("success", 361))
    ping(record, someone, "d", Ping("fail", 1, 3))
    found = {each["name"]: each for each in shown(web, someone)["items"]}
    assert {name: each["state"] for name, each in found.items()} == {
        "a": "up", "b": "late", "c": "down", "d": "down", "n": "new",
    }  # fmt: skip
    assert (found["c"]["cause"], found["d"]["cause"]) == ("missing", "failed")
    assert found["a"]["sentence"].endswith(
        "(UTC) from 10.1.2.3 (curl/8), expected every 5m, 1m of grace."
    )
    assert found["n"]["sentence"] == (
        "It never came; expected at 0 3 * * * (Europe/Berlin), 10m of grace."
    )
    assert (found["n"]["cron"], found["n"]["every"], found["d"]["last_status"]) == (
        "0 3 * * *", None, 3,
    )  # fmt: skip
    assert shown(web, other)["items"] == []


@pytest.mark.usefixtures("beats")
def test_the_address_is_for_those_who_may_act(web: Web, someone: Someone) -> None:
    address = shown(web, someone, "a")["url"]
    assert address.startswith("https://tocsin.test/ping/")
    assert len(address.rpartition("/")[2]) == 43
    assert shown(web, someone, "a", "read")["url"] is None
    assert [each["url"] for each in shown(web, someone, scope="read")["items"]] == [None] * 5
    assert post(web, someone, "a/rotate", "admin")["url"] not in (address, None)


@pytest.mark.usefixtures("beats")
def test_a_ping_over_the_api(web: Web, someone: Someone, record: Record) -> None:
    post(web, someone, "a/ping", kind="start")
    found = post(web, someone, "a/ping", status=3, message="no space left")
    assert (found["state"], found["last_kind"], found["last_status"]) == ("down", "fail", 3)
    assert (found["last_from"], found["last_agent"]) == ("the API", "respond robot")
    assert found["message"] == "no space left"
    assert found["took_seconds"] is not None
    assert ("miss", "pipeline") in web.rings
    assert post(web, someone, "a/ping")["state"] == "up"
    for wrong in ({"kind": "x"}, {"status": 256}, {"status": -1}, {"message": "a\0b"}):
        refused = web.client.post(f"{BASE}/a/ping", json=wrong, headers=someone.as_("respond"))
        assert refused.status_code == 422, wrong


@pytest.mark.usefixtures("beats")
def test_paused_and_resumed_is_on_the_audit(web: Web, someone: Someone, record: Record) -> None:
    ping(record, someone, "a", Ping("success", 4000))
    paused = post(web, someone, "a/pause")
    assert (paused["state"], paused["paused_by"]) == ("paused", "respond robot")
    assert post(web, someone, "a/pause")["paused_at"] == paused["paused_at"]
    assert post(web, someone, "a/resume")["state"] == "up"
    with record.session([someone.tenant]) as tx:
        acts = tx.rows("SELECT act, subject FROM audit WHERE act LIKE 'heartbeat%%' ORDER BY seq")
    assert [(row["act"], row["subject"]) for row in acts] == [
        ("heartbeat.pause", "a"), ("heartbeat.pause", "a"), ("heartbeat.resume", "a"),
    ]  # fmt: skip


@pytest.mark.usefixtures("beats")
def test_how_many_are_how(web: Web, someone: Someone, other: Someone, record: Record) -> None:
    ping(record, someone, "a", Ping("success", 1))
    ping(record, someone, "c", Ping("success", 9999))
    with record.session([other.tenant]) as tx:
        seeds.heartbeats_of(tx, other.tenant, "x")

    def counted(token: str, slug: str) -> dict[str, float]:
        return {
            dict(labels)["state"]: value
            for (name, labels), value in scraped(web, token).items()
            if name == "tocsin_heartbeats" and dict(labels)["tenant_id"] == slug
        }

    mine = {"new": 3, "up": 1, "late": 0, "down": 1, "paused": 0}
    assert counted(someone.tokens["read"], someone.slug) == mine
    assert counted(OPERATOR, someone.slug) == mine
    assert counted(someone.tokens["read"], other.slug) == {}
    assert counted(OPERATOR, other.slug)["new"] == 1


def test_an_alert_that_only_ran_out_says_so(web: Web, someone: Someone, record: Record) -> None:
    """In its own story and in that of its incident."""
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        seeds.event(tx, someone.tenant, story.fingerprint, kind="expired", outcome="notified")
        tx.run("UPDATE alert SET status = 'resolved', ends_at = now(), expires_at = now()")
        detail = '{"alerts": 2, "since": "2026-11-21T02:41:00+00:00"}'
        timelines.tell(tx, [{"tenant": someone.tenant, "incident_id": story.incident,
                             "kind": "expired", "actor": "tocsin", "detail": detail}])  # fmt: skip
    headers = someone.as_("read")
    alert = web.client.get(f"/api/v1/alerts/{story.fingerprint}", headers=headers).json()
    assert alert["expired"] is True
    assert any("so it counts as over (expired)" in each["sentence"] for each in alert["events"])
    incident = web.client.get(f"/api/v1/incidents/{story.incident}", headers=headers).json()
    assert [each["sentence"] for each in incident["timeline"] if each["kind"] == "expired"] == [
        "2 alerts expired: nothing was heard of them since 2026-11-21 02:41 UTC, and nobody said"
        " that they are over."
    ]
