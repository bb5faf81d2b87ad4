"""Reports over HTTP: made, listed, read in each form, and what is behind a figure."""

from __future__ import annotations

import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.storage.record import Record

PATH = "/api/v1/analytics/reports"


def make(web: Web, who: Someone, **body: str) -> dict[str, object]:
    found = web.client.post(PATH, json={"kind": "weekly", **body}, headers=who.as_("admin"))
    assert found.status_code == 201, found.text
    assert found.headers["Location"].endswith(found.json()["id"])
    return dict(found.json())


def test_a_report_is_made_now_and_read_in_each_form(
    web: Web, someone: Someone, record: Record
) -> None:
    story = seeds.story(record, someone.tenant)
    made = make(web, someone, period="this-week")
    assert (made["title"], made["schedule"]) == ("Service levels", None)
    address, token = f"{PATH}/{made['id']}", someone.as_("read")
    found = web.client.get(address, headers=token).json()
    figures = {each["key"]: each["value"] for each in found["content"]["figures"]}
    assert (figures["dead"], figures["incidents"], figures["acted"]) == (1, 1, 0)
    assert found["content"]["failures"]["rows"][0][2] == "slack #db"
    page = web.client.get(f"{address}.html", headers=token)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert page.text.startswith("<!doctype html>")
    assert f"https://tocsin.test/api/v1/deliveries/{story.delivery}" in page.text
    browser = {**token, "Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    assert web.client.get(address, headers=browser).text == page.text
    sheet = web.client.get(address, headers={**token, "Accept": "text/csv"})
    assert sheet.headers["Content-Disposition"].startswith("attachment; filename=")
    assert sheet.text == web.client.get(f"{address}.csv", headers=token).text
    assert "dead,1.0,count,Not delivered" in sheet.text


def test_behind_each_figure_are_its_rows(web: Web, someone: Someone, record: Record) -> None:
    story = seeds.story(record, someone.tenant)
    made = make(web, someone, period="this-day")
    links = made["links"]
    assert isinstance(links, dict)
    behind = web.client.get(links["dead"], headers=someone.as_("read")).json()
    assert behind["items"] == [
        {"id": str(story.delivery), "url": f"/api/v1/deliveries/{story.delivery}"}
    ]
    shown = web.client.get(behind["items"][0]["url"], headers=someone.as_("read"))
    assert shown.json()["state"] == "dead"
    for key, address in links.items():
        assert web.client.get(address, headers=someone.as_("read")).status_code == 200, key
    gone = web.client.get(f"{PATH}/{made['id']}/rows?figure=x", headers=someone.as_("read"))
    assert gone.status_code == 404


def test_the_list_has_pages_and_knows_kinds(web: Web, someone: Someone) -> None:
    ids = [make(web, someone)["id"] for _ in range(3)]
    daily = make(web, someone, kind="daily")["id"]
    token = someone.as_("read")
    first = web.client.get(PATH, params={"limit": "2", "kind": "weekly"}, headers=token).json()
    rest = {"limit": "2", "kind": "weekly", "cursor": first["next"]}
    second = web.client.get(PATH, params=rest, headers=token).json()
    assert [each["id"] for each in (*first["items"], *second["items"])] == ids[::-1]
    assert second["next"] is None
    only = web.client.get(PATH, params={"kind": "daily"}, headers=token).json()
    assert [each["id"] for each in only["items"]] == [daily]


def test_another_tenant_sees_none_of_it(web: Web, someone: Someone, other: Someone) -> None:
    made = make(web, someone)
    for form in ("", ".html", ".csv", "/rows"):
        found = web.client.get(f"{PATH}/{made['id']}{form}", headers=other.as_("admin"))
        assert found.status_code == 404
    assert web.client.get(PATH, headers=other.as_("read")).json()["items"] == []


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"kind": "wekly"}, "#/kind", "there are daily"),
        ({"kind": "weekly", "zone": "Mars/Base"}, "#/zone", "write it like Europe/Berlin"),
        ({"kind": "weekly", "zone": "../../etc/passwd"}, "#/zone", "write it like Europe/Berlin"),
        ({"kind": "weekly", "period": "last-eon"}, "#/period", "last-week"),
        ({"kind": "weekly", "period": "2026-02-02/2026-02-01"}, "#/period", "ends after"),
    ],
)
def test_what_cannot_be_made_is_refused_with_what_to_write(
    web: Web, someone: Someone, body: dict[str, str], pointer: str, said: str
) -> None:
    found = web.client.post(PATH, json=body, headers=someone.as_("admin"))
    assert found.status_code == 422
    [problem] = found.json()["errors"]
    assert problem["pointer"] == pointer
    assert said in problem["detail"]
