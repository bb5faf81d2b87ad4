"""Storms over HTTP: what is shown, and what people do to them."""

from __future__ import annotations

import uuid
from typing import Any

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.storage import audit
from tocsin.storage.record import Record


def made(record: Record, someone: Someone) -> tuple[str, seeds.Story]:
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        return str(seeds.storm(tx, someone.tenant, story)), story


def get(web: Web, someone: Someone, path: str = "") -> dict[str, Any]:
    found = web.client.get(f"/api/v1/storms{path}", headers=someone.as_("read"))
    assert found.status_code == 200, found.text
    return dict(found.json())


def post(web: Web, someone: Someone, path: str, body: Any = None, status: int = 200) -> Any:
    found = web.client.post(
        f"/api/v1/storms/{path}", json=body, headers=someone.as_("respond")
    )  # fmt: skip
    assert found.status_code == status, found.text
    return found.json()


def test_a_storm_says_what_it_shares_and_what_became_of_its_groups(
    web: Web, someone: Someone, record: Record
) -> None:
    storm, story = made(record, someone)
    [item] = get(web, someone)["items"]
    assert item["id"] == storm
    assert item["title"] == "Storm: 412 alerts in 3 min, 91 % cluster=eu1, 60 % alertname=NodeDown"
    detail = get(web, someone, f"/{storm}")
    assert detail["state"] == "active"
    assert (detail["alerts"], detail["folded"], detail["groups"]) == (412, 411, 1)
    first = detail["shares"][0]
    assert (first["name"], first["value"], first["alerts"]) == ("cluster", "eu1", 379)
    assert 0.91 < first["share"] < 0.92
    [group] = detail["group_list"]
    assert group["id"] == str(story.group)
    assert (group["firing"], group["incident_id"]) == (1, str(story.incident))
    assert group["sentence"] == "folded into the storm: 411 alerts"
    assert [told["receiver"] for told in detail["told"]] == ["team-db"]


def test_acknowledging_a_storm_acknowledges_its_incident(
    web: Web, someone: Someone, record: Record
) -> None:
    storm, story = made(record, someone)
    done = post(web, someone, f"{storm}/ack", {"note": "mine"})
    assert done["incident_state"] == "acknowledged"
    assert done["acknowledged_by"] == "respond robot"
    assert ("digest", "page") in web.rings
    assert post(web, someone, f"{storm}/ack")["incident_state"] == "acknowledged"
    with record.session([someone.tenant]) as tx:
        [row] = tx.rows("SELECT state FROM incident WHERE id = %s", [story.incident])
        acts = [line["act"] for line in audit.rows(tx, someone.tenant)]
    assert row["state"] == "acknowledged"
    assert acts[-2:] == ["storm.ack", "storm.ack"]


def test_a_storm_that_is_ended_is_looked_at_now_and_begins_anew_only_with_as_many(
    web: Web, someone: Someone, record: Record
) -> None:
    storm, _ = made(record, someone)
    done = post(web, someone, f"{storm}/end")
    assert (done["state"], done["ended_by"], done["alerts"]) == ("over", "respond robot", 412)
    assert post(web, someone, f"{storm}/end")["ended_at"] == done["ended_at"]
    with record.session([someone.tenant]) as tx:
        [timer] = tx.rows("SELECT subject FROM timer WHERE kind = 'storm'")
        [meter] = tx.rows("SELECT level, alerts FROM storm_meter")
    assert timer["subject"] == storm
    assert (meter["level"], meter["alerts"]) == (0, 0)


def test_a_group_that_is_promoted_leaves_the_incident_of_the_storm_and_flushes(
    web: Web, someone: Someone, record: Record
) -> None:
    storm, story = made(record, someone)
    done = post(web, someone, f"{storm}/promote", {"group": str(story.group), "note": "look"})
    [group] = done["group_list"]
    assert group["promoted_by"] == "respond robot"
    assert group["incident_id"] is None
    with record.session([someone.tenant]) as tx:
        due = tx.rows("SELECT kind FROM timer WHERE subject = %s", [str(story.group)])
        [line] = tx.rows("SELECT actor, detail FROM timeline WHERE kind = 'promoted'")
    assert [row["kind"] for row in due] == ["flush"]
    assert line["actor"] == "respond robot"
    found = web.client.get(f"/api/v1/incidents/{story.incident}", headers=someone.as_("read"))
    said = found.json()["timeline"][-1]["sentence"]
    assert said.startswith("respond robot took a group out of the storm: alertname=DiskFull")


def test_what_is_not_in_the_storm_cannot_be_promoted(
    web: Web, someone: Someone, record: Record
) -> None:
    storm, _ = made(record, someone)
    problem = post(web, someone, f"{storm}/promote", {"group": str(uuid.uuid4())}, 404)
    assert "has no group" in problem["detail"]
    assert post(web, someone, f"{storm}/promote", {}, 422)
    assert post(web, someone, f"{uuid.uuid4()}/end", None, 404)
