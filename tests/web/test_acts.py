"""Incidents and deliveries over HTTP: read, act, explain."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.security import audit
from tocsin.storage.record import Record


@pytest.fixture
def story(record: Record, someone: Someone) -> seeds.Story:
    return seeds.story(record, someone.tenant, instance="db-1")


def test_an_incident_says_why_somebody_was_told(
    web: Web, someone: Someone, story: seeds.Story
) -> None:
    found = web.client.get(f"/api/v1/incidents/{story.incident}", headers=someone.as_("read"))
    body = found.json()
    assert found.status_code == 200, found.text
    assert body["group_labels"] == {"alertname": "DiskFull"}
    assert [alert["fingerprint"] for alert in body["alerts"]] == [story.fingerprint]
    assert body["alerts_total"] == 1
    assert body["timeline"][0]["sentence"] == "Opened with 1 alert."
    why = body["explanation"]
    assert (why["route"], why["receiver"], why["policy_version"]) == ("root/0", "team-db", 3)
    [told] = why["notifications"]
    assert (told["reason"], told["changes"], told["sentence"]) == ("first", 1, "It fires.")
    [sent] = told["deliveries"]
    assert sent["state"] == "dead"
    assert "invite the bot" in sent["sentence"]
    assert sent["history"][0]["status_code"] == 404


def test_incidents_page_by_state(web: Web, someone: Someone, record: Record) -> None:
    with record.session([someone.tenant]) as tx:
        of = [seeds.group(tx, someone.tenant) for _ in range(5)]
        states = ["open", "resolved", "open", "acknowledged", "open"]
        made = [
            str(seeds.incident(tx, someone.tenant, group, state))
            for group, state in zip(of, states, strict=True)
        ]
    seen, cursor = [], None
    for _ in range(2):
        params: dict[str, Any] = {"state": ["open", "acknowledged"], "limit": 2}
        if cursor:
            params["cursor"] = cursor
        page = web.client.get("/api/v1/incidents", params=params, headers=someone.as_("read"))
        seen += [item["id"] for item in page.json()["items"]]
        cursor = page.json()["next"]
    assert cursor is None
    assert sorted(seen) == sorted(made[n] for n in (0, 2, 3, 4))
    assert seen == sorted(seen, reverse=True)


def test_acknowledge_then_resolve(web: Web, someone: Someone, story: seeds.Story) -> None:
    url = f"/api/v1/incidents/{story.incident}"
    for _ in range(2):
        found = web.client.post(
            f"{url}/ack", json={"note": "on my way"}, headers=someone.as_("respond")
        )
        assert found.status_code == 200, found.text
        assert found.json()["state"] == "acknowledged"
        assert found.json()["acknowledged_by"] == "respond robot"
    assert [line["kind"] for line in found.json()["timeline"]] == ["opened", "acknowledged"]
    assert found.json()["timeline"][1]["sentence"] == (
        "Acknowledged by respond robot. Note: on my way"
    )
    assert web.rings[0] == ("flush", "pipeline")
    found = web.client.post(f"{url}/resolve", headers=someone.as_("admin"))
    assert found.json()["state"] == "resolved"
    found = web.client.post(f"{url}/ack", headers=someone.as_("respond"))
    assert found.status_code == 409
    assert found.json()["title"] == "Conflict"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ('{"note": ""}', "#/note"),
        ('{"note": "a\\u0000b"}', "#/note"),
        ('{"note": "\\ud800"}', "#/note"),
        ('{"nota": "x"}', "#/nota"),
        ("[]", "#"),
        ("{", "#/1"),
        ('{"note": 1}', "#/note"),
    ],
)
def test_a_bad_note(
    web: Web, someone: Someone, story: seeds.Story, body: str, pointer: str
) -> None:
    found = web.client.post(
        f"/api/v1/incidents/{story.incident}/ack",
        content=body,
        headers={**someone.as_("respond"), "Content-Type": "application/json"},
    )
    assert found.status_code == 422, found.text
    assert found.json()["errors"][0]["pointer"] == pointer
    assert web.rings == []


def test_a_dead_letter_is_taken_up_again(
    web: Web, someone: Someone, story: seeds.Story, record: Record
) -> None:
    url = f"/api/v1/deliveries/{story.delivery}"
    found = web.client.get(url, headers=someone.as_("read")).json()
    assert found["sentence"].startswith(
        "Was given up: it did not reach slack #db. Because: channel"
    )
    assert found["history"][0]["outcome"] == "dead"
    done = web.client.post(f"{url}/retry", headers=someone.as_("respond"))
    assert done.status_code == 200, done.text
    assert done.json()["state"] == "pending"
    assert done.json()["id"] == str(story.delivery)
    assert web.rings == [("deliver_slack", "page")]
    assert web.client.post(f"{url}/retry", headers=someone.as_("respond")).status_code == 409
    with record.session([someone.tenant]) as tx:
        assert audit.verify(tx, someone.tenant) is None


def test_deliveries_by_state(web: Web, someone: Someone, story: seeds.Story) -> None:
    def ids(query: str) -> list[str]:
        found = web.client.get(f"/api/v1/deliveries{query}", headers=someone.as_("read"))
        return [item["id"] for item in found.json()["items"]]

    assert ids("") == ids("?state=dead") == ids("?state=sent&state=dead") == [str(story.delivery)]
    assert ids("?state=sent") == []


def test_a_name_in_basic_authentication_does_not_matter(web: Web, someone: Someone) -> None:
    for user in ("", "prometheus", someone.slug):
        found = web.client.get(
            f"/t/{someone.slug}/api/v1/incidents", auth=(user, someone.tokens["read"])
        )
        assert found.status_code == 200


def test_an_id_that_is_none(web: Web, someone: Someone) -> None:
    for bad in ("1", "%00", "..%2f", "x" * 500, f"{uuid.uuid4()}x"):
        found = web.client.get(f"/api/v1/incidents/{bad}", headers=someone.as_("read"))
        assert found.status_code == 404
