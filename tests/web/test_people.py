"""People over HTTP: lists, what would happen, and what is asked wrongly."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.storage import callbacks, policies
from tocsin.storage.record import Record
from workers import queues

PHONE = "+4915112345678"
POLICY = f"""
route: {{}}
locale: en
accounts:
  sms: {{account_sid: AC00000000000000000000000000000000, token_env: tw, from: "+15550100001"}}
  email: {{host: mail.example.org, from: t@example.org}}
people:
  - name: anna
    shown: Anna Alt
    phone: "{PHONE}"
    email: anna@example.org
    zone: Europe/Berlin
    notify:
      important: [{{by: sms}}, {{by: email, after: 2m}}]
    quiet:
      - {{from: "22:00", to: "07:00"}}
  - {{name: ben}}
"""


@pytest.fixture(autouse=True)
def applied(record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")


def ask(web: Web, someone: Someone, method: str, path: str = "", body: Any = None) -> Any:
    return web.client.request(
        method, f"/api/v1/people{path}", json=body, headers=someone.as_("respond")
    )


def preview(web: Web, someone: Someone, **body: str) -> list[tuple[str, str, str | None]]:
    found = ask(web, someone, "POST", "/anna/preview", body).json()
    return [(each["by"], each["local_time"], each["held_until"]) for each in found["pages"]]


def test_the_list(web: Web, someone: Someone, record: Record) -> None:
    with record.session([someone.tenant]) as tx:
        seeds.code(tx, someone.tenant, "anna", "sms", PHONE, "123456")
        callbacks.refuse(tx, someone.tenant, "sms", "+4915100000000", refused=True)
    body = {"by": "sms", "code": " 123456 "}
    assert ask(web, someone, "POST", "/anna/verify", body).json()["state"] == "verified"
    anna, ben = ask(web, someone, "GET").json()["items"]
    assert (anna["name"], anna["shown"], anna["locale"]) == ("anna", "Anna Alt", "en")
    assert [(way["by"], way["state"], way["refused_at"]) for way in anna["ways"]] == [
        ("sms", "verified", None), ("email", "unverified", None),
    ]  # fmt: skip
    assert anna["ways"][0]["destination"] == f"sms {PHONE}"
    local = datetime.fromisoformat(anna["local_time"])
    assert local.utcoffset() != datetime.fromisoformat(ben["local_time"]).utcoffset()
    assert len(anna["warnings"]) == 1
    assert "tocsin person test anna --by email" in anna["warnings"][0]
    assert ben["ways"] == []
    assert "Nothing can reach ben" in ben["warnings"][0]


def test_a_preview_by_day_and_by_night(web: Web, someone: Someone) -> None:
    night = "2026-03-28T23:30:00Z"  # half past midnight, before the clock is set forward
    assert preview(web, someone, at=night) == [
        ("sms", "2026-03-29T00:30:00+01:00", None),
        ("email", "2026-03-29T00:32:00+01:00", None),
    ]
    held = "2026-03-29T05:00:00Z"
    assert preview(web, someone, at=night, urgency="default") == [
        ("sms", "2026-03-29T07:00:00+02:00", held),
        ("email", "2026-03-29T07:00:00+02:00", held),
    ]
    assert preview(web, someone, at="2026-03-29T12:00:00+02:00", urgency="default") == [
        ("sms", "2026-03-29T12:00:00+02:00", None),
        ("email", "2026-03-29T12:00:00+02:00", None),
    ]


def test_one_person_shows_what_would_happen_now(web: Web, someone: Someone) -> None:
    found = ask(web, someone, "GET", "/anna").json()
    assert [each["by"] for each in found["important"]] == ["sms", "email"]
    assert [each["by"] for each in found["default"]] == ["sms", "email"]
    assert (found["quiet_until"] is None) == (found["default"][0]["held_until"] is None)


@pytest.mark.parametrize(
    ("path", "body", "status", "said"),
    [
        ("/anna/preview", {"at": "2026-03-28T23:30:00"}, 422, "timezone"),
        ("/anna/preview", {"at": "9999-12-31T23:59:59Z"}, 422, "ten years away"),
        ("/anna/preview", {"urgency": "loud"}, 422, "important"),
        ("/anna/test", {"by": "sns"}, 422, "did you mean `sms`?"),
        ("/ben/test", {}, 409, "Nothing can reach ben"),
        ("/ben/test", {"by": "sms"}, 422, "cannot be told by `sms`"),
        ("/zoe/test", {}, 404, "nobody of this name"),
        ("/anna/verify", {"by": "sms", "code": "12345"}, 422, "code"),
        ("/anna/verify", {"by": "sms", "code": "١٢٣٤٥٦"}, 422, "code"),
        ("/anna/verify", {"by": "sms", "code": "123456"}, 422, "never sent"),
    ],
)
def test_what_is_asked_wrongly(
    web: Web, someone: Someone, path: str, body: Any, status: int, said: str
) -> None:
    found = ask(web, someone, "POST", path, body)
    assert (found.status_code, said in found.text) == (status, True), found.text


def test_a_test_page_rings_those_who_page(web: Web, someone: Someone) -> None:
    done = ask(web, someone, "POST", "/anna/test", {})
    assert [each["by"] for each in done.json()["sent"]] == ["sms", "email"]
    assert web.rings == [
        (queues.deliver("sms"), queues.PAGE),
        (queues.deliver("email"), queues.PAGE),
    ]


def test_without_a_policy_there_is_nobody(web: Web, other: Someone) -> None:
    assert ask(web, other, "GET").json()["items"] == []
