"""The desk's page: what it takes from an address and from a form, and for whom."""

from __future__ import annotations

import re

import pytest

from tests.browser import scenes
from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.dashboard.conftest import SignIn
from tocsin.storage.record import Record


@pytest.mark.parametrize(
    "query",
    [
        "tab=nonsense",
        "span=9y",
        "error=%25%00",
        "error=" + "x" * 900,
        "channel='--",
        "n=9&said=x.y",
    ],
)
def test_odd_addresses_are_borne(sign_in: SignIn, someone: Someone, query: str) -> None:
    assert sign_in(someone).get(f"/ui/deliveries?{query}").status_code == 200


def test_a_broken_mark_of_a_page_is_said(sign_in: SignIn, someone: Someone) -> None:
    assert sign_in(someone).get("/ui/deliveries?before=x").status_code == 400


def test_older_ones_follow(sign_in: SignIn, someone: Someone, record: Record) -> None:
    scenes.dead(record, someone.tenant, 53)
    browser = sign_in(someone)
    first = browser.get("/ui/deliveries").text
    assert first.count("data-item") == 50
    older = re.search(r'href="(/ui/deliveries\?[^"]*before=[^"]+)"', first)
    assert older is not None
    assert browser.get(older[1].replace("&amp;", "&")).text.count("data-item") == 3


def test_what_is_written_elsewhere_stays_text(
    sign_in: SignIn, someone: Someone, record: Record
) -> None:
    seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        tx.run("UPDATE delivery SET cause = '<script>alert(1)</script>', destination = '\"><b>'")
    page = sign_in(someone).get("/ui/deliveries").text
    assert "&lt;script&gt;" in page
    assert "<script>alert" not in page
    assert '"><b>' not in page


def test_a_reader_cannot_act(sign_in: SignIn, someone: Someone) -> None:
    browser = sign_in(someone, "read")
    for path in ("/ui/deliveries/count", "/ui/deliveries/apply"):
        assert browser.post(path, {"act": "retry_all"}).status_code == 403


def test_nothing_of_another_tenant(
    sign_in: SignIn, someone: Someone, other: Someone, record: Record
) -> None:
    story = seeds.story(record, other.tenant)
    browser = sign_in(someone)
    assert browser.get(f"/ui/deliveries/{story.delivery}").status_code == 404
    counted = browser.post("/ui/deliveries/count", {"act": "retry", "pick": str(story.delivery)})
    assert "This retries 0 deliveries" in counted.text


@pytest.mark.parametrize(
    "fields",
    [{"act": "burn_all"}, {"act": "retry", "pick": "x"}, {"act": "retry_all", "filter": "{}x"}],
)
def test_forms_that_we_did_not_make(
    sign_in: SignIn, someone: Someone, fields: dict[str, object]
) -> None:
    path = "/ui/deliveries/apply" if "filter" in fields else "/ui/deliveries/count"
    assert sign_in(someone).post(path, fields).status_code == 400


def test_nothing_picked_is_said(sign_in: SignIn, someone: Someone) -> None:
    found = sign_in(someone).post("/ui/deliveries/count", {"act": "retry"})
    assert "said=nothing_picked" in found.headers["Location"]
