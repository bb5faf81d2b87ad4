"""Trying mappings out over HTTP: what they would make, and who may ask."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import Someone, Web
from tocsin.storage import policies
from tocsin.storage.record import Record

MAPPING = {"name": "checks", "alerts": "body.items", "alertname": "alert.name"}
POLICY = """
route: {}
sources:
  - {name: checks, alerts: body.items, alertname: alert.name}
"""
BODY = {"items": [{"name": "a"}, {"name": None}, {"name": "c"}]}


def ask(web: Web, someone: Someone, scope: str = "admin", **body: Any) -> httpx.Response:
    return web.client.post("/api/v1/sources/preview", json=body, headers=someone.as_(scope))


def apply(record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")


def test_a_mapping_in_force_is_tried_out(web: Web, someone: Someone, record: Record) -> None:
    apply(record, someone)
    found = ask(web, someone, name="checks", body=BODY).json()
    assert [each["labels"] for each in found["alerts"]] == [{"alertname": "a"}, {"alertname": "c"}]
    assert [each["index"] for each in found["alerts"]] == [0, 2]
    assert all(len(each["fingerprint"]) == 16 for each in found["alerts"])
    (bad,) = found["rejected"]
    assert (bad["index"], bad["field"]) == (1, "alertname")
    assert found["skipped"] == 0
    with record.session([someone.tenant]) as tx:
        assert tx.rows("SELECT 1 FROM intake") == []


def test_a_mapping_that_is_not_in_force_is_tried_out(web: Web, someone: Someone) -> None:
    other = MAPPING | {"when": 'alert.name == "c"'}
    found = ask(web, someone, source=other, body=BODY).json()
    assert ([each["index"] for each in found["alerts"]], found["skipped"]) == ([2], 2)


def test_what_is_wrong_with_a_mapping_is_told_with_its_place(web: Web, someone: Someone) -> None:
    bad = MAPPING | {"labels": {"host": "bdy.host"}}
    answer = ask(web, someone, source=bad, body=BODY)
    assert answer.status_code == 422
    assert "/source/labels/host" in answer.text
    assert "did you mean `body`" in answer.text


@pytest.mark.parametrize("given", [{}, {"name": "checks", "source": MAPPING}])
def test_either_a_name_or_a_mapping(web: Web, someone: Someone, given: dict[str, Any]) -> None:
    assert ask(web, someone, body=BODY, **given).status_code == 422


def test_an_unknown_name_is_told_what_there_is(
    web: Web, someone: Someone, other: Someone, record: Record
) -> None:
    apply(record, someone)
    answer = ask(web, someone, name="cheks", body=BODY)
    assert (answer.status_code, "checks" in answer.text) == (404, True)
    answer = ask(web, other, name="checks", body=BODY)
    assert (answer.status_code, "there is none" in answer.text) == (404, True)


@pytest.mark.parametrize("scope", ["ingest", "read", "respond", "revoked"])
def test_mappings_are_for_admins(web: Web, someone: Someone, scope: str) -> None:
    assert ask(web, someone, scope, source=MAPPING, body=BODY).status_code in (401, 403)
