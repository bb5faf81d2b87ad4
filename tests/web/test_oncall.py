"""Who is on call, who stands in and what is missing, over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import icalendar
import pytest

from tests.web.conftest import Someone, Web
from tocsin.security import audit
from tocsin.storage import policies
from tocsin.storage.record import Record

POLICY = """
route: {receiver: ops}
receivers: [{name: ops}]
accounts:
  email: {host: mail.example.org, from: Tocsin <t@example.org>}
people:
  - {name: anna, shown: Anna Ash, email: anna@example.org, zone: Asia/Tokyo}
  - {name: ben}
schedules:
  - name: primary
    zone: Europe/Berlin
    layers:
      - {people: [anna, ben], starts: 2026-01-05}
  - name: office hours
    zone: America/New_York
    layers:
      - people: [anna]
        hours: [{days: [monday], from: "09:00", to: "17:00"}]
"""


@pytest.fixture
def tenant(record: Record, someone: Someone) -> Someone:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
    return someone


def get(web: Web, who: Someone, path: str, **params: Any) -> Any:
    found = web.client.get(f"/api/v1{path}", params=params, headers=who.as_("read"))
    assert found.status_code == 200, found.text
    return found.json()


def add(web: Web, who: Someone, scope: str = "respond", **body: Any) -> httpx.Response:
    whole = {"schedule": "primary", "person": "ben", **body}
    return web.client.post("/api/v1/oncall/overrides", json=whole, headers=who.as_(scope))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_who_is_on_call_and_who_is_next(web: Web, tenant: Someone) -> None:
    [primary, office] = get(web, tenant, "/oncall", at="2026-12-24 03:00")["items"]
    assert primary["schedule"] == "primary"
    assert primary["at"] == "2026-12-24T02:00:00Z"
    assert primary["people"] == [
        {"name": "anna", "shown": "Anna Ash", "zone": "Asia/Tokyo",
         "local": "2026-12-24T11:00:00+09:00", "awake": True, "reachable": True}
    ]  # fmt: skip
    assert primary["layer"] == "layer 1"
    assert moment(primary["since"]) == moment("2026-12-21T09:00:00+01:00")
    assert primary["next"] == {"people": ["ben"], "starts_at": "2026-12-28T08:00:00Z"}
    assert office["people"] == []
    assert office["at"] == "2026-12-24T08:00:00Z"
    assert office["next"] == {"people": ["anna"], "starts_at": "2026-12-28T14:00:00Z"}


def test_some_schedules_only_and_at_this_moment(web: Web, tenant: Someone) -> None:
    [only] = get(web, tenant, "/oncall", schedule="office hours")["items"]
    assert only["schedule"] == "office hours"
    assert abs(moment(only["at"]) - datetime.now(UTC)) < timedelta(minutes=5)
    missing = web.client.get("/api/v1/oncall?schedule=primry", headers=tenant.as_("read"))
    assert missing.status_code == 404
    assert "did you mean `primary`?" in missing.json()["detail"]


def test_a_tenant_without_a_policy_has_nobody(web: Web, someone: Someone) -> None:
    assert get(web, someone, "/oncall") == {"items": [], "next": None}
    assert get(web, someone, "/oncall/coverage")["items"] == []
    refused = add(web, someone, duration="1h")
    assert refused.status_code == 422
    assert {each["pointer"] for each in refused.json()["errors"]} == {"#/schedule", "#/person"}


def test_shifts_and_gaps(web: Web, tenant: Someone) -> None:
    asked = {"from": "2026-03-23 00:00", "to": "2026-04-06 00:00"}
    found = get(web, tenant, "/oncall/primary/shifts", **asked)
    assert found["zone"] == "Europe/Berlin"
    assert [(each["people"], each["starts_at"]) for each in found["items"]] == [
        (["anna"], "2026-03-22T23:00:00Z"),
        (["ben"], "2026-03-23T08:00:00Z"),
        (["anna"], "2026-03-30T07:00:00Z"),
    ]
    assert found["gaps"] == []
    found = get(web, tenant, "/oncall/office%20hours/shifts", **asked)
    assert len(found["items"]) == 2
    assert len(found["gaps"]) == 3


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        ("/oncall?at=soon", "query/at"),
        ("/oncall?at=2300-01-01T00:00:00Z", "query/at"),
        ("/oncall?at=" + "9" * 100, "query/at"),
        ("/oncall/primary/shifts?from=2026-01-01T00:00:00Z&to=2025-01-01T00:00:00Z", "query/to"),
        ("/oncall/primary/shifts?from=2026-01-01T00:00:00Z&to=2028-01-01T00:00:00Z", "query/to"),
        ("/oncall/coverage?days=0", "query/days"),
        ("/oncall/coverage?days=1000", "query/days"),
    ],
)
def test_times_that_cannot_be(web: Web, tenant: Someone, path: str, pointer: str) -> None:
    found = web.client.get(f"/api/v1{path}", headers=tenant.as_("read"))
    assert found.status_code == 422
    assert [each["pointer"] for each in found.json()["errors"]] == [pointer]


def test_somebody_stands_in_and_is_on_call(web: Web, tenant: Someone, record: Record) -> None:
    made = add(web, tenant, duration="8h", note="swapped").json()
    assert made["state"] == "active"
    assert moment(made["ends_at"]) - moment(made["starts_at"]) == timedelta(hours=8)
    [now] = get(web, tenant, "/oncall", schedule="primary")["items"]
    assert [each["name"] for each in now["people"]] == ["ben"]
    assert now["overrides"] == [made["id"]]
    assert now["layer"] is None
    [shift] = [each for each in get(web, tenant, "/oncall/primary/shifts")["items"]
               if each["overrides"]]  # fmt: skip
    assert shift["ends_at"] == made["ends_at"]
    ended = web.client.delete(
        f"/api/v1/oncall/overrides/{made['id']}", headers=tenant.as_("respond")
    ).json()
    assert ended["state"] == "expired"
    again = web.client.delete(
        f"/api/v1/oncall/overrides/{made['id']}", headers=tenant.as_("respond")
    ).json()
    assert again == ended
    assert get(web, tenant, f"/oncall/overrides/{made['id']}") == ended
    [now] = get(web, tenant, "/oncall", schedule="primary")["items"]
    assert now["overrides"] == []
    with record.session([tenant.tenant]) as tx:
        acts = tx.rows("SELECT act, subject FROM audit WHERE tenant = %s ORDER BY seq",
                       [tenant.tenant])  # fmt: skip
        assert [row["act"] for row in acts if row["subject"] == made["id"]] == [
            "override.create", "override.end"
        ]  # fmt: skip
        assert audit.verify(tx, tenant.tenant) is None


def test_times_without_a_zone_are_those_of_the_schedule(web: Web, tenant: Someone) -> None:
    year = datetime.now(UTC).year + 1
    made = add(web, tenant, starts_at=f"{year}-07-01 18:00", ends_at=f"{year}-07-02 09:00").json()
    assert made["state"] == "pending"
    assert made["starts_at"] == f"{year}-07-01T16:00:00Z"
    assert made["ends_at"] == f"{year}-07-02T07:00:00Z"
    listed = get(web, tenant, "/oncall/overrides", state="pending")["items"]
    assert [each["id"] for each in listed] == [made["id"]]
    assert get(web, tenant, "/oncall/overrides", schedule="other")["items"] == []


def test_what_was_is_not_written_anew(web: Web, tenant: Someone) -> None:
    begin = datetime.now(UTC) - timedelta(days=2)
    made = add(web, tenant, starts_at=begin.isoformat(), duration="3d").json()
    assert moment(made["starts_at"]) > begin + timedelta(days=1)
    assert abs(moment(made["ends_at"]) - begin - timedelta(days=3)) < timedelta(seconds=1)


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"schedule": "primry", "duration": "1h"}, "#/schedule", "did you mean `primary`?"),
        ({"person": "bne", "duration": "1h"}, "#/person", "did you mean `ben`?"),
        ({}, "#/ends_at", "give either ends_at or duration"),
        ({"duration": "1h", "ends_at": "03:00"}, "#/ends_at", "give either"),
        ({"duration": "400d"}, "#/duration", "change the schedule in the policy"),
        ({"duration": "1 hour"}, "#/duration", "not a duration"),
        ({"duration": "0"}, "#/duration", "must end after it starts"),
        ({"starts_at": "2020-01-01 00:00", "duration": "1h"}, "#/duration", "over already"),
        ({"starts_at": "soon", "duration": "1h"}, "#/starts_at", "write it like"),
        ({"ends_at": "1999-01-01T00:00:00Z"}, "#/ends_at", "more than ten years"),
        ({"duration": "1h", "note": "a\0b"}, "#/note", "NUL"),
        ({"duration": "1h", "layer": "x"}, "#/layer", ""),
    ],
)
def test_overrides_that_cannot_be(
    web: Web, tenant: Someone, body: dict[str, Any], pointer: str, said: str
) -> None:
    found = add(web, tenant, **body)
    assert found.status_code == 422
    [problem] = found.json()["errors"]
    assert problem["pointer"] == pointer
    assert said in problem["detail"]
    assert get(web, tenant, "/oncall/overrides")["items"] == []


def test_the_end_must_come_after_the_start(web: Web, tenant: Someone) -> None:
    year = datetime.now(UTC).year + 1
    found = add(web, tenant, starts_at=f"{year}-01-02 00:00", ends_at=f"{year}-01-01 00:00")
    assert "must end after it starts" in found.json()["errors"][0]["detail"]


def test_another_tenant_sees_nobody_stand_in(
    web: Web, tenant: Someone, other: Someone, record: Record
) -> None:
    with record.session([other.tenant]) as tx:
        policies.apply(tx, other.tenant, POLICY, "test")
    made = add(web, tenant, duration="8h").json()
    [now] = get(web, other, "/oncall", schedule="primary")["items"]
    assert now["overrides"] == []
    path = f"/api/v1/oncall/overrides/{made['id']}"
    assert web.client.delete(path, headers=other.as_("respond")).status_code == 404
    assert get(web, tenant, f"/oncall/overrides/{made['id']}")["state"] == "active"


def test_coverage(web: Web, tenant: Someone, record: Record) -> None:
    [primary, office] = get(web, tenant, "/oncall/coverage", days=28)["items"]
    assert primary["gaps"] == []
    assert primary["empty"] == []
    assert [each["name"] for each in primary["unreachable"]] == ["ben"]
    assert not primary["whole"]
    load = {each["name"]: each for each in primary["load"]}
    assert 27 * 24 <= load["anna"]["hours"] + load["ben"]["hours"] <= 28 * 24
    assert load["anna"]["zone"] == "Asia/Tokyo"
    assert 0 < load["anna"]["night_hours"] < load["anna"]["hours"] / 2
    assert 4 <= len(office["gaps"]) <= 6
    [only] = get(web, tenant, "/oncall/coverage", schedule="office hours")["items"]
    assert only["schedule"] == "office hours"


def test_somebody_who_has_left_is_an_empty_shift(web: Web, tenant: Someone, record: Record) -> None:
    add(web, tenant, duration="8h")
    without = POLICY.replace("  - {name: ben}\n", "").replace("anna, ben", "anna")
    with record.session([tenant.tenant]) as tx:
        policies.apply(tx, tenant.tenant, without, "test")
    [primary, _] = get(web, tenant, "/oncall/coverage")["items"]
    assert [each["people"] for each in primary["empty"]] == [["ben"]]
    [now] = get(web, tenant, "/oncall", schedule="primary")["items"]
    assert [(each["name"], each["reachable"]) for each in now["people"]] == [("ben", False)]


def test_the_calendar(web: Web, tenant: Someone) -> None:
    def fetched() -> dict[str, datetime]:
        found = web.client.get("/api/v1/oncall/primary/calendar.ics", headers=tenant.as_("read"))
        assert found.headers["Content-Type"] == "text/calendar; charset=utf-8"
        read: Any = icalendar.Calendar.from_ical(found.content)
        events = read.walk("VEVENT")
        assert all(str(event["SUMMARY"]) in ("anna", "ben") for event in events)
        return {str(event["UID"]): event["DTSTART"].dt for event in events}

    first = fetched()
    assert len(first) in (26, 27, 28)
    # The event of the shift that goes on begins when the shift began, so its UID stays.
    assert min(first.values()) <= datetime.now(UTC)
    assert fetched() == first
    token = tenant.tokens["read"]
    by_password = httpx.get(
        f"{web.url}/t/{tenant.slug}/api/v1/oncall/primary/calendar.ics", auth=("x", token)
    )
    assert by_password.status_code == 200
