"""Scores, models and verdicts over HTTP."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.storage import policies, scores, search
from tocsin.storage.record import Record

REASONS = [{"feature": "rate", "seen": 14.0, "usual": 1.0, "about": "", "weight": 1.0}]


def score(record: Record, tenant: int, mark: str, **fields: Any) -> None:
    with record.session([tenant]) as tx:
        row = search.alert(tx, tenant, mark)
        assert row is not None
        scores.store(tx, [{
            "tenant": tenant, "fingerprint": mark, "event": 1, "starts_at": row["starts_at"],
            "value": 0.93, "anomaly": True, "cause": None, "model": 1,
            "reasons": orjson.dumps(REASONS).decode(), **fields,
        }])  # fmt: skip


def told(web: Web, someone: Someone, mark: str) -> Any:
    path = f"/api/v1/alerts/{mark}"
    return web.client.get(path, headers=someone.as_("read")).json()["score"]


def test_a_score_with_its_reasons(web: Web, someone: Someone, record: Record) -> None:
    story = seeds.story(record, someone.tenant)
    assert told(web, someone, story.fingerprint)["sentence"] == "Not scored."
    score(record, someone.tenant, story.fingerprint)
    found = told(web, someone, story.fingerprint)
    said = "Unusual: 14 of these in 10 minutes, usually 1 at this hour."
    assert (found["value"], found["anomaly"], found["sentence"]) == (0.93, True, said)
    assert found["reasons"] == REASONS
    path = f"/api/v1/incidents/{story.incident}"
    incident = web.client.get(path, headers=someone.as_("read")).json()
    assert [alert["score"]["sentence"] for alert in incident["alerts"]] == [said]


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"value": 0.2, "anomaly": False}, "Nothing unusual about it."),
        ({"value": None, "anomaly": False, "cause": "history", "reasons": None},
         "Not scored: there is too little history yet."),
        ({"starts_at": "2020-01-01T00:00:00Z"}, "Not scored."),
    ],
)  # fmt: skip
def test_why_it_is_not_unusual(
    web: Web, someone: Someone, record: Record, fields: dict[str, Any], sentence: str
) -> None:
    story = seeds.story(record, someone.tenant)
    score(record, someone.tenant, story.fingerprint, **fields)
    assert told(web, someone, story.fingerprint)["sentence"] == sentence


def test_a_verdict_is_stored_and_the_last_word_counts(
    web: Web, someone: Someone, record: Record
) -> None:
    story = seeds.story(record, someone.tenant)
    path = f"/api/v1/alerts/{story.fingerprint}/feedback"
    for verdict in ("not_noise", "noise"):
        found = web.client.post(
            path, json={"verdict": verdict, "note": "a test"}, headers=someone.as_("respond")
        )
        assert found.json()["verdict"] == verdict
    with record.session([someone.tenant]) as tx:
        [row] = tx.rows("SELECT fingerprint, event, verdict, author FROM score_feedback")
        acts = tx.rows("SELECT act FROM audit WHERE act = 'alert.feedback'")
    assert row == {
        "fingerprint": story.fingerprint, "event": story.event, "verdict": "noise",
        "author": "respond robot",
    }  # fmt: skip
    assert len(acts) == 2
    wrong = web.client.post(path, json={"verdict": "maybe"}, headers=someone.as_("respond"))
    assert wrong.status_code == 422


def test_models_are_listed_trained_and_rolled_back(
    web: Web, someone: Someone, record: Record
) -> None:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, "route: {}\nscoring: {threshold: 0.9}\n", "test")
        for _ in range(2):
            seeds.model(tx, someone.tenant)
    admin = someone.as_("admin")
    before = web.client.get("/api/v1/models", headers=admin).json()
    assert (before["active"], before["threshold"], before["enabled"]) == (2, 0.9, True)
    assert [model["version"] for model in before["models"]] == [2, 1]
    done = web.client.post("/api/v1/models/rollback", json={"version": 1}, headers=admin)
    assert done.json()["active"] == 1
    gone = web.client.post("/api/v1/models/rollback", json={"version": 7}, headers=admin)
    assert gone.status_code == 404
    assert "there is 2, 1" in gone.json()["detail"]
    assert web.client.post("/api/v1/models/train", headers=admin).status_code == 200
    assert ("train", "scoring") in web.rings
