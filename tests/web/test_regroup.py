"""Incidents of several groups over HTTP: shown with reasons, merged, split."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.security import audit
from tocsin.storage import incidents, timelines
from tocsin.storage.record import Record


@pytest.fixture
def two(record: Record, someone: Someone) -> list[seeds.Story]:
    return [seeds.story(record, someone.tenant, instance=f"db-{n}") for n in (1, 2)]


def post(web: Web, someone: Someone, incident: Any, act: str, body: Any, status: int = 200) -> Any:
    found = web.client.post(
        f"/api/v1/incidents/{incident}/{act}", json=body, headers=someone.as_("respond")
    )
    assert found.status_code == status, found.text
    return found.json()


def test_merged_then_split_again(
    web: Web, someone: Someone, record: Record, two: list[seeds.Story]
) -> None:
    into, other = (story.incident for story in two)
    body = {"from": [str(other)], "note": "one disk"}
    merged = post(web, someone, into, "merge", body)
    assert (merged["id"], merged["groups_total"], merged["alerts_total"]) == (str(into), 2, 2)
    assert {group["id"] for group in merged["groups"]} == {str(story.group) for story in two}
    assert merged["groups"][1]["sentence"] == (
        f"respond robot merged it in from the incident {other}."
    )
    assert merged["timeline"][-1]["sentence"] == (
        f"Taken together by respond robot with the incident {other}. Note: one disk"
    )
    assert len(merged["explanation"]["groups"]) == 2
    assert ("flush", "pipeline") in web.rings
    gone = web.client.get(f"/api/v1/incidents/{other}", headers=someone.as_("read")).json()
    assert (gone["state"], gone["merged_into"]) == ("resolved", str(into))
    assert gone["timeline"][-1]["sentence"].startswith(f"Merged into the incident {into} by")
    assert gone["groups"][0]["left_at"] is not None
    made = post(web, someone, into, "split", {"groups": [str(two[1].group)]})
    assert (made["state"], made["groups_total"]) == ("open", 1)
    assert made["id"] not in (str(into), str(other))
    assert made["timeline"][0]["sentence"] == (
        f"Taken out of the incident {into} by respond robot."
    )
    with record.session([someone.tenant]) as tx:
        assert audit.verify(tx, someone.tenant) is None
        acts = [row["act"] for row in tx.rows("SELECT act FROM audit ORDER BY seq")]
    assert acts[-2:] == ["incident.merge", "incident.split"]


@pytest.mark.parametrize(
    ("kind", "detail", "sentence"),
    [
        (
            "joined",
            {"alerts": 2, "group_labels": {"service": "api"}, "reason": "services", "rule": "near",
             "confidence": 0.64, "service": "api", "near": "db", "hops": 1},
            "A group with 2 alerts joined: service=api. It belongs to the incident because api is"
            " one step from db in the service map (rule near, 64% sure).",
        ),
        (
            "joined",
            {"alerts": 1, "group_labels": {"a": "b"}, "reason": "services", "rule": "near",
             "confidence": 0.8, "service": "api", "near": "api", "hops": 0},
            "A group with 1 alert joined: a=b. It belongs to the incident because both are about"
            " the service api (rule near, 80% sure).",
        ),
        ("part_over", {"group_labels": {"a": "b", "c": "d"}}, "A part of it is over: a=b, c=d."),
        (
            "left",
            {"note": "the policy changed"},
            "A group has left it, because the policy changed.",
        ),
    ],
)  # fmt: skip
def test_what_the_story_says(
    web: Web, someone: Someone, record: Record, two: list[seeds.Story], kind: str,
    detail: dict[str, Any], sentence: str,
) -> None:  # fmt: skip
    incident = two[0].incident
    row = {"tenant": someone.tenant, "id": incident}
    with record.session([someone.tenant]) as tx:
        timelines.tell(tx, [incidents.entry(row, kind, "tocsin", detail)])
    shown = web.client.get(f"/api/v1/incidents/{incident}", headers=someone.as_("read")).json()
    assert shown["timeline"][-1]["sentence"] == sentence


@pytest.mark.parametrize(
    ("act", "body", "pointer"),
    [
        ("merge", {}, "#/from"),
        ("merge", {"from": []}, "#/from"),
        ("merge", {"from": ["x"]}, "#/from/0"),
        ("split", {"groups": [1]}, "#/groups/0"),
        ("split", {"groups": [str(uuid.uuid4())], "all": True}, "#/all"),
    ],
)
def test_a_bad_body(
    web: Web, someone: Someone, two: list[seeds.Story], act: str, body: Any, pointer: str
) -> None:
    found = post(web, someone, two[0].incident, act, body, 422)
    assert found["errors"][0]["pointer"] == pointer


def test_what_is_resolved_or_of_others_cannot_be_merged(
    web: Web, someone: Someone, other: Someone, record: Record, two: list[seeds.Story]
) -> None:
    into, gone = (str(story.incident) for story in two)
    post(web, someone, gone, "resolve", {})
    assert "is resolved" in post(web, someone, into, "merge", {"from": [gone]}, 409)["detail"]
    assert "into itself" in post(web, someone, into, "merge", {"from": [into]}, 409)["detail"]
    foreign = seeds.story(record, other.tenant)
    for body in ({"from": [str(foreign.incident)]}, {"from": [str(uuid.uuid4())]}):
        post(web, someone, into, "merge", body, 404)
    post(web, someone, foreign.incident, "merge", {"from": [into]}, 404)
    post(web, someone, into, "split", {"groups": [str(foreign.group)]}, 404)
    post(web, someone, into, "split", {"groups": [str(two[0].group)]}, 409)


def test_reading_is_not_enough(web: Web, someone: Someone, two: list[seeds.Story]) -> None:
    into, gone = (str(story.incident) for story in two)
    for act, body in (("merge", {"from": [gone]}), ("split", {"groups": [gone]})):
        found = web.client.post(
            f"/api/v1/incidents/{into}/{act}", json=body, headers=someone.as_("read")
        )
        assert found.status_code == 403
