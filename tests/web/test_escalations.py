"""Previews of escalations over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.web.conftest import Someone, Web
from tocsin.storage import policies
from tocsin.storage.record import Record

POLICY = """
route: {receiver: ops}
receivers: [{name: ops, escalation: primary}]
accounts: {webhook: {}}
people:
  - {name: anna, shown: Anna Berg, zone: Europe/Berlin, webhook: "https://example.org/anna"}
  - {name: ben, webhook: "https://example.org/ben"}
  - {name: dora}
escalations:
  - name: primary
    repeat: 1
    steps:
      - notify: [{person: anna}]
      - wait: 5m
      - notify: [{person: dora}]
      - wait: 5m
      - {notify: [{person: ben}], when: {severity: [critical]}}
"""
AT = "2026-03-02T03:07:00Z"


@pytest.fixture
def applied(record: Record, someone: Someone) -> Someone:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
    return someone


def preview(web: Web, who: Someone, name: str = "primary", **body: Any) -> Any:
    return web.client.post(
        f"/api/v1/escalations/{name}/preview", json=body, headers=who.as_("read")
    )


def test_a_preview_says_who_when_and_by_what(web: Web, applied: Someone) -> None:
    found = preview(web, applied, at=AT).json()
    steps = [(s["at"], s["round"], s["number"], s["state"]) for s in found["steps"]]
    assert steps == [
        ("2026-03-02T03:07:00Z", 1, 1, "planned"),
        ("2026-03-02T03:12:00Z", 1, 2, "skipped"),
        ("2026-03-02T03:12:00Z", 1, 3, "planned"),
        ("2026-03-02T03:17:00Z", 2, 1, "planned"),
        ("2026-03-02T03:22:00Z", 2, 2, "skipped"),
        ("2026-03-02T03:22:00Z", 2, 3, "planned"),
    ]
    first, second = found["steps"][:2]
    assert first["sentence"] == "Step 1 of 3 (round 1 of 2) tells Anna Berg."
    assert first["who"][0]["ways"][0]["integration"] == "@anna/webhook"
    assert second["missed"] == ["dora: has no way to be reached"]
    assert (found["exhausted_at"], found["more"]) == ("2026-03-02T03:27:00Z", False)


def test_conditions_are_asked(web: Web, applied: Someone) -> None:
    found = preview(web, applied, at=AT, severity="warning").json()
    assert [s["number"] for s in found["steps"] if s["state"] == "planned"] == [1, 1]
    assert found["steps"][0]["urgency"] == "default"


def test_what_is_wrong_is_said(web: Web, applied: Someone) -> None:
    unknown = preview(web, applied, "primray")
    assert unknown.status_code == 404
    assert "primary" in unknown.json()["detail"]
    naive = preview(web, applied, at="2026-03-02T03:07:00")
    assert naive.status_code == 422
    assert "time zone" in naive.text
    assert preview(web, applied, severity="loud").status_code == 422


def test_without_a_policy_there_is_none(web: Web, other: Someone) -> None:
    assert preview(web, other).status_code == 404
