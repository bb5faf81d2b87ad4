"""Incidents and deliveries over HTTP: read, act, explain."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.security import audit
from tocsin.storage import policies
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


POLICY = """
route: {}
accounts: {email: {host: mail.example.org, from: t@example.org}}
people: [{name: ben, email: ben@example.org}, {name: zoe}]
incidents: {ack_timeout: 2h}
"""


def act(
    web: Web, someone: Someone, story: seeds.Story, name: str, body: dict[str, Any] | None = None
) -> tuple[int, dict[str, Any]]:
    found = web.client.post(
        f"/api/v1/incidents/{story.incident}/{name}", json=body, headers=someone.as_("respond")
    )
    return found.status_code, found.json()


@pytest.fixture
def ruled(record: Record, someone: Someone, story: seeds.Story) -> seeds.Story:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
    return story


def acts_of(body: dict[str, Any]) -> list[str]:
    return [line["sentence"] for line in body["timeline"][1:]]


def test_taken_back_and_reopened(web: Web, someone: Someone, story: seeds.Story) -> None:
    act(web, someone, story, "ack")
    for _ in range(2):
        status, body = act(web, someone, story, "unack", {"note": "wrong one"})
        assert (status, body["state"], body["acknowledged_by"]) == (200, "open", None)
    assert {ring[0] for ring in web.rings} == {"flush", "escalate", "hand_over"}
    act(web, someone, story, "resolve")
    assert act(web, someone, story, "unack")[0] == 409
    for _ in range(2):
        status, body = act(web, someone, story, "reopen")
        assert (status, body["state"], body["resolved_by"]) == (200, "open", None)
    assert acts_of(body) == [
        "Acknowledged by respond robot.",
        "Opened again by respond robot, who took the acknowledgement back. Note: wrong one",
        "Resolved by respond robot.",
        "Opened again by respond robot.",
    ]
    act(web, someone, story, "ack")
    assert act(web, someone, story, "reopen")[0] == 409


def test_an_acknowledgement_says_when_it_ends(
    web: Web, someone: Someone, ruled: seeds.Story
) -> None:
    _, body = act(web, someone, ruled, "ack")
    at, ends = (datetime.fromisoformat(body[key]) for key in ("acknowledged_at", "reopens_at"))
    assert ends - at == timedelta(hours=2)
    assert not body["snoozed"]
    assert "Re-opens at" in acts_of(body)[-1]
    _, body = act(web, someone, ruled, "resolve")
    assert body["reopens_at"] is None


def test_snoozed(web: Web, someone: Someone, ruled: seeds.Story) -> None:
    status, body = act(web, someone, ruled, "snooze", {"for": "30m", "note": "lunch"})
    assert (status, body["state"], body["snoozed"]) == (200, "acknowledged", True)
    at, ends = (datetime.fromisoformat(body[key]) for key in ("acknowledged_at", "reopens_at"))
    assert ends - at == timedelta(minutes=30)
    assert acts_of(body)[-1].endswith("UTC. Note: lunch")
    _, body = act(web, someone, ruled, "ack")
    assert not body["snoozed"]
    for wrong in ({"for": "30s"}, {"for": "8d"}, {"for": "soon"}, {}, {"for": 30}):
        assert act(web, someone, ruled, "snooze", wrong)[0] == 422


def test_handed_over(web: Web, someone: Someone, ruled: seeds.Story, record: Record) -> None:
    for _ in range(2):
        status, body = act(web, someone, ruled, "handover", {"to": "ben", "note": "yours"})
        assert (status, body["state"], body["acknowledged_by"]) == (200, "acknowledged", "ben")
        assert body["handed_by"] == "respond robot"
    assert len(acts_of(body)) == 1
    assert acts_of(body)[0].startswith("Handed over to ben by respond robot. Re-opens at")
    assert ("hand_over", "page") in web.rings
    with record.session([someone.tenant]) as tx:
        assert audit.verify(tx, someone.tenant) is None
        acts = tx.rows("SELECT act FROM audit WHERE act = 'incident.hand_over'")
    assert len(acts) == 2


def test_handed_to_nobody(web: Web, someone: Someone, ruled: seeds.Story) -> None:
    status, body = act(web, someone, ruled, "handover", {"to": "bne"})
    assert status == 422
    assert body["errors"][0]["pointer"] == "#/to"
    assert "did you mean `ben`?" in body["errors"][0]["detail"]
    status, body = act(web, someone, ruled, "handover", {"to": "zoe"})
    assert status == 409
    assert "nothing can reach zoe" in body["detail"]
    assert act(web, someone, ruled, "ack")[1]["acknowledged_by"] == "respond robot"
    assert web.rings[0][0] == "flush"


def test_acts_on_what_was_merged_lead_to_where_it_went(
    web: Web, someone: Someone, ruled: seeds.Story, record: Record
) -> None:
    target = seeds.story(record, someone.tenant)
    act(web, someone, target, "merge", {"from": [str(ruled.incident)]})
    for name, body in (("snooze", {"for": "30m"}), ("handover", {"to": "ben"}), ("unack", None),
                       ("resolve", None), ("reopen", None)):  # fmt: skip
        status, done = act(web, someone, ruled, name, body)
        assert (status, done["id"]) == (200, str(target.incident)), name
