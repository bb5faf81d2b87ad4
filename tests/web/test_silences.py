"""Silences over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.web.conftest import Someone, Web
from tocsin.security import audit
from tocsin.storage import silences
from tocsin.storage.record import Record


def create(web: Web, someone: Someone, **body: Any) -> httpx.Response:
    return web.client.post("/api/v1/silences", json=body, headers=someone.as_("respond"))


def made(web: Web, someone: Someone, **body: Any) -> dict[str, Any]:
    whole = {"matchers": ["a=b"], "duration": "2h", "comment": "replacing disks", **body}
    found = create(web, someone, **whole)
    assert found.status_code == 201, found.text
    body = found.json()
    assert found.headers["Location"] == f"/api/v1/silences/{body['id']}"
    return body


def timer(record: Record, someone: Someone, silence: str) -> datetime | None:
    with record.session([someone.tenant]) as tx:
        row = tx.row(
            "SELECT due_at FROM timer WHERE tenant = %s AND kind = 'silence' AND subject = %s",
            [someone.tenant, silence],
        )
        return row["due_at"] if row else None


def test_a_silence_and_its_end(web: Web, someone: Someone, record: Record) -> None:
    silence = made(web, someone, matchers=["alertname=Disk Full", "n=~a|b"])
    assert silence["matchers"] == ['alertname="Disk Full"', 'n=~"a|b"']
    assert silence["created_by"] == "respond robot"
    assert silence["state"] == "active"
    ends_at = datetime.fromisoformat(silence["ends_at"])
    assert ends_at - datetime.fromisoformat(silence["starts_at"]) == timedelta(hours=2)
    assert timer(record, someone, silence["id"]) == ends_at
    assert web.rings == []
    for _ in range(2):
        url = f"/api/v1/silences/{silence['id']}"
        done = web.client.delete(url, headers=someone.as_("respond"))
        assert done.status_code == 200
        assert done.json()["state"] == "expired"
    assert web.rings[0] == ("unmute", "pipeline")
    ended = datetime.fromisoformat(done.json()["ends_at"])
    assert timer(record, someone, silence["id"]) == ended < ends_at
    with record.session([someone.tenant]) as tx:
        acts = tx.rows("SELECT act FROM audit WHERE tenant = %s ORDER BY seq", [someone.tenant])
        assert [row["act"] for row in acts][-2:] == ["silence.create", "silence.expire"]
        assert audit.verify(tx, someone.tenant) is None


def test_states(web: Web, someone: Someone, record: Record) -> None:
    now = datetime.now(UTC)
    active = made(web, someone)["id"]
    pending = made(web, someone, starts_at=(now + timedelta(hours=1)).isoformat())["id"]
    expired = made(web, someone)["id"]
    gone = made(web, someone, starts_at=(now + timedelta(hours=1)).isoformat())["id"]
    for each in (expired, gone):
        web.client.delete(f"/api/v1/silences/{each}", headers=someone.as_("respond"))
    for state, expected in [
        ("active", {active}), ("pending", {pending}), ("expired", {expired, gone}),
        ("all", {active, pending, expired, gone}),
    ]:  # fmt: skip
        found = web.client.get(f"/api/v1/silences?state={state}", headers=someone.as_("read"))
        assert {item["id"] for item in found.json()["items"]} == expected
        assert state == "all" or {item["state"] for item in found.json()["items"]} == {state}
    with record.session([someone.tenant]) as tx:
        [row] = silences.active(tx, [someone.tenant], tx.now)
        assert str(row["id"]) == active
        assert row["tenant"] == someone.tenant


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"matchers": []}, "#/matchers", "at least 1"),
        ({"matchers": ["{}"]}, "#/matchers", "at least one label"),
        ({"matchers": ["a=b", "nonsense"]}, "#/matchers/1", "after the label name"),
        ({"matchers": ["a="]}, "#/matchers", "silence everything"),
        ({"matchers": ["a=~.*", "b!=c"]}, "#/matchers", "silence everything"),
        ({"matchers": ["a=~("]}, "#/matchers/0", "bad regular expression"),
        ({"matchers": ["a=b\0"]}, "#/matchers/0", "NUL"),
        ({"matchers": "a=b"}, "#/matchers", "list"),
        ({"matchers": ["a=b"] * 60}, "#/matchers", "at most 50"),
        ({"comment": ""}, "#/comment", "at least 1"),
        ({"comment": "  "}, "#/comment", "at least 1"),
        ({"comment": None}, "#/comment", "string"),
        ({"comment": "a\0"}, "#/comment", "NUL"),
        ({"comment": "a" * 2001}, "#/comment", "at most 2000"),
        ({"duration": None}, "#/ends_at", "either ends_at or duration"),
        ({"ends_at": "2100-01-01T00:00:00Z"}, "#/ends_at", "either ends_at or duration"),
        ({"duration": "2"}, "#/duration", "not a duration"),
        ({"duration": "0s"}, "#/duration", "end after it starts"),
        ({"duration": "-2h"}, "#/duration", "not a duration"),
        ({"duration": "99y"}, "#/duration", "ten years"),
        ({"duration": None, "ends_at": "2020-01-01T00:00:00Z"}, "#/ends_at", "end after"),
        ({"starts_at": "2020-01-01T00:00:00Z"}, "#/duration", "over already"),
        ({"duration": None, "ends_at": "2100-01-01T00:00:00"}, "#/ends_at", "timezone"),
        ({"duration": None, "ends_at": "9999-12-31T23:59:59-14:00"}, "#/ends_at", "2200"),
        ({"starts_at": "0001-01-01T00:00:00+14:00"}, "#/starts_at", "2000"),
        ({"starts_at": 1e400}, "#", "JSON"),
        ({"created_by": "root"}, "#/created_by", "not permitted"),
    ],
)
def test_what_is_refused(
    web: Web, someone: Someone, body: dict[str, Any], pointer: str, said: str
) -> None:
    whole = {"matchers": ["a=b"], "duration": "2h", "comment": "c", **body}
    if body == {"starts_at": 1e400}:
        whole["starts_at"] = "@"
        found = web.client.post(
            "/api/v1/silences",
            content=str(whole).replace("'", '"').replace('"@"', "1e400"),
            headers={**someone.as_("respond"), "Content-Type": "application/json"},
        )
        assert found.status_code == 422
        return
    found = create(web, someone, **whole)
    assert found.status_code == 422, found.text
    [problem] = found.json()["errors"]
    assert problem["pointer"] == pointer
    assert said in problem["detail"]


def test_the_tenant_of_the_address_is_kept(web: Web, someone: Someone) -> None:
    found = web.client.post(
        f"/t/{someone.slug}/api/v1/silences",
        json={"matchers": ["a=b"], "duration": "1m", "comment": "c"},
        headers=someone.as_("respond"),
    )
    assert found.headers["Location"].startswith(f"/t/{someone.slug}/api/v1/silences/")
    assert web.client.get(
        found.headers["Location"], headers=someone.as_("read")
    ).json()["comment"] == "c"  # fmt: skip
