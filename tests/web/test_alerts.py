"""Alerts over HTTP."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.storage import search, silences
from tocsin.storage.record import Record
from tocsin.web import alerts as subject


def listed(web: Web, someone: Someone, **params: Any) -> list[str]:
    found = web.client.get("/api/v1/alerts", params=params, headers=someone.as_("read"))
    assert found.status_code == 200, found.text
    return [item["labels"]["n"] for item in found.json()["items"]]


@pytest.fixture
def four(record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        for n, (job, severity, status) in enumerate([
            ("api", "critical", "firing"), ("api", "warning", "firing"),
            ("db", "critical", "resolved"), ("", "info", "firing"),
        ]):  # fmt: skip
            labels = {"alertname": "A", "n": str(n)} | ({"job": job} if job else {})
            starts_at = tx.now - timedelta(minutes=n)
            seeds.alert(tx, someone.tenant, labels, severity=severity, status=status,
                        starts_at=starts_at)  # fmt: skip


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["0", "1", "2", "3"]),
        ({"filter": "job=api"}, ["0", "1"]),
        ({"filter": 'job="api"', "severity": "critical"}, ["0"]),
        ({"filter": ["job=api", "n=1"]}, ["1"]),
        ({"filter": '{job="api",n!="1"}'}, ["0"]),
        ({"filter": "job=~a.*|d.*"}, ["0", "1", "2"]),
        ({"filter": "job!~a.*"}, ["2", "3"]),
        ({"filter": "job="}, ["3"]),
        ({"filter": "job!="}, ["0", "1", "2"]),
        ({"status": "resolved"}, ["2"]),
        ({"severity": ["info", "warning"]}, ["1", "3"]),
        ({"filter": "nobody=has"}, []),
    ],
)
def test_filters(web: Web, someone: Someone, params: dict[str, Any], expected: list[str]) -> None:
    assert listed(web, someone, **params) == expected


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("filters", [None, "alertname=A", "n=~[0-3]"])
def test_pages_hold_each_alert_once(web: Web, someone: Someone, filters: str | None) -> None:
    url, seen = "/api/v1/alerts?limit=1" + (f"&filter={filters}" if filters else ""), []
    while url:
        page = web.client.get(url, headers=someone.as_("read"))
        body = page.json()
        seen += [item["labels"]["n"] for item in body["items"]]
        link = page.headers.get("Link", "")
        assert bool(link) == bool(body["next"])
        url = link.partition(">")[0].removeprefix("<")
    assert seen == ["0", "1", "2", "3"]


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("newest", [1, 2, 3, 4, 5])
def test_a_label_is_found_among_the_newest_and_behind_them(
    web: Web, someone: Someone, monkeypatch: pytest.MonkeyPatch, newest: int
) -> None:
    monkeypatch.setattr(search, "NEWEST", newest)
    assert listed(web, someone, filter="alertname=A") == ["0", "1", "2", "3"]
    assert listed(web, someone, filter="job=db") == ["2"]
    assert listed(web, someone, filter="job=db", status="resolved") == ["2"]
    assert listed(web, someone, filter="alertname=A", severity=["info", "warning"]) == ["1", "3"]


def test_a_filter_that_finds_little_gives_short_pages(
    web: Web, someone: Someone, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "SCAN", 2)
    with record.session([someone.tenant]) as tx:
        for n in range(5):
            seeds.alert(tx, someone.tenant, {"n": str(n)}, starts_at=tx.now - timedelta(minutes=n))
    first = web.client.get("/api/v1/alerts?filter=n=~3", headers=someone.as_("read")).json()
    assert first["items"] == []
    assert first["next"]
    cursor = first["next"]
    page = web.client.get(
        "/api/v1/alerts", params={"filter": "n=~3", "cursor": cursor}, headers=someone.as_("read")
    )
    assert [item["labels"]["n"] for item in page.json()["items"]] == ["3"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "label name"),
        ("severity", "after the label name"),
        ("a=~(", "bad regular expression"),
        ('a="b', "closing quote"),
        ("a=~" + "x" * 1100, "more than 1024"),
        ("x" * 3000 + "=y", "longer than 2000"),
        ("a=b\0c", "NUL"),
        ("{a=b", "closing brace"),
        ("a=~(?=b)", "RE2"),
        ("a=\ud800", ""),
    ],
)
def test_a_bad_filter_is_told_in_words(web: Web, someone: Someone, text: str, said: str) -> None:
    sent = text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    found = web.client.get(
        "/api/v1/alerts", params={"filter": ["ok=1", sent]}, headers=someone.as_("read")
    )
    if said == "":
        assert found.status_code == 200
        return
    assert found.status_code == 422
    assert found.json()["errors"][0]["pointer"] == "query/filter/1"
    assert said in found.json()["errors"][0]["detail"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=201", "limit=x", "status=open", "severity=", "cursor=" + "a" * 2000,
              "&".join("filter=a=b" for _ in range(30))],
)  # fmt: skip
def test_bad_parameters(web: Web, someone: Someone, query: str) -> None:
    found = web.client.get(f"/api/v1/alerts?{query}", headers=someone.as_("read"))
    assert found.status_code == 422
    assert found.json()["errors"][0]["pointer"].startswith("query/")


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    "hostile",
    ["'; DROP TABLE alert; --", "%", "_", "\\", "a\nb", "\N{GRINNING FACE}", "{}", "$1", "%s"],
)
def test_a_hostile_value_is_only_a_value(web: Web, someone: Someone, hostile: str) -> None:
    quoted = hostile.replace("\\", "\\\\").replace("\n", "\\n")
    assert listed(web, someone, filter=f'job="{quoted}"') == []
    assert len(listed(web, someone)) == 4


def test_the_story_of_an_alert(web: Web, someone: Someone, record: Record) -> None:
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        seeds.event(tx, someone.tenant, story.fingerprint, kind="resolved")
        active = silences.create(
            tx, someone.tenant, matchers=['alertname="DiskFull"'], starts_at=tx.now,
            ends_at=tx.now + timedelta(hours=1), comment="c", by="b",
        )  # fmt: skip
        silences.create(
            tx, someone.tenant, matchers=['alertname="DiskFull"'], comment="later", by="b",
            starts_at=tx.now + timedelta(hours=1), ends_at=tx.now + timedelta(hours=2),
        )  # fmt: skip
    found = web.client.get(f"/api/v1/alerts/{story.fingerprint}", headers=someone.as_("read"))
    body = found.json()
    assert found.status_code == 200
    assert body["silenced_by"] == [str(active)]
    assert [event["kind"] for event in body["events"]] == ["resolved", "new"]
    assert body["events"][0]["outcome"] == "pending"
    assert body["events"][0]["sentence"] == "Pending: nothing is decided yet."
    assert body["events"][1]["sentence"].startswith("Failed:")
    assert body["groups"][0]["receiver"] == "team-db"
    assert body["incidents"][0]["id"] == str(story.incident)
    assert body["starts_at"].endswith("Z")
