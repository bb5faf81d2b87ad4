"""The pages of storms: the banner on all pages, the list, the view, and its acts."""

from __future__ import annotations

from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.dashboard.conftest import SignIn
from tocsin.storage.record import Record

TITLE = "Storm: 412 alerts in 3 min, 91 % cluster=eu1, 60 % alertname=NodeDown"


def blowing(record: Record, someone: Someone) -> tuple[str, seeds.Story]:
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        return str(seeds.storm(tx, someone.tenant, story)), story


def test_every_page_has_a_banner_while_a_storm_lasts(
    sign_in: SignIn, someone: Someone, record: Record
) -> None:
    browser = sign_in(someone)
    assert TITLE not in browser.get("/ui/now").text
    assert "No storm so far" in browser.get("/ui/storms").text
    storm, _ = blowing(record, someone)
    for path in ("/ui/now", "/ui/incidents", "/ui/deliveries", "/ui/oncall"):
        text = browser.get(path).text
        assert TITLE in text, path
        assert f'href="/ui/storms/{storm}"' in text, path
    assert TITLE in browser.get("/ui/storms/banner").text
    assert TITLE in browser.get("/ui/storms").text


def test_another_tenant_sees_nothing_of_it(
    sign_in: SignIn, someone: Someone, other: Someone, record: Record
) -> None:
    storm, _ = blowing(record, someone)
    browser = sign_in(other)
    assert "412" not in browser.get("/ui/now").text
    assert browser.get(f"/ui/storms/{storm}").status_code == 404
    assert browser.post(f"/ui/storms/{storm}/end").status_code == 404


def test_the_view_acts(sign_in: SignIn, someone: Someone, record: Record) -> None:
    storm, story = blowing(record, someone)
    browser = sign_in(someone, "respond")
    page = browser.get(f"/ui/storms/{storm}").text
    assert "91 %" in page
    assert "folded into the storm: 411 alerts" in page
    done = browser.post(f"/ui/storms/{storm}/ack")
    assert done.status_code == 303
    assert "said=storm_taken" in done.headers["Location"]
    browser.post(f"/ui/storms/{storm}/promote", {"group": str(story.group)})
    assert "taken out of the storm by respond robot" in browser.get(f"/ui/storms/{storm}").text
    browser.post(f"/ui/storms/{storm}/end")
    page = browser.get(f"/ui/storms/{storm}").text
    assert "End the storm" not in page
    assert browser.post(f"/ui/storms/{storm}/promote", {"group": "x"}).status_code == 400
    assert browser.post(f"/ui/storms/{storm}/dance").status_code == 404


def test_who_may_only_read_has_no_buttons(
    sign_in: SignIn, someone: Someone, record: Record
) -> None:
    storm, _ = blowing(record, someone)
    browser = sign_in(someone, "read")
    assert "/promote" not in browser.get(f"/ui/storms/{storm}").text
    assert browser.post(f"/ui/storms/{storm}/end").status_code == 403
