"""The page of who is on call on a phone and on a desk, and somebody who stands in."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.conftest import DESK, PHONE, Open, overflow
from tests.web.conftest import Someone
from tests.web.dashboard import scenes
from tocsin.storage.record import Record


@pytest.fixture
def staffed(record: Record, someone: Someone) -> Someone:
    scenes.policy(record, someone.tenant)
    return someone


def test_a_phone_gets_a_list_instead_of_weeks(open_page: Open, staffed: Someone) -> None:
    page = open_page(staffed, "/ui/oncall", size=PHONE)
    expect(page.locator(".calendar")).to_be_hidden()
    expect(page.locator(".agenda li").first).to_contain_text("Now")
    page.set_viewport_size(DESK)
    expect(page.locator(".calendar .today")).to_be_visible()
    expect(page.locator(".agenda")).to_be_hidden()


def test_somebody_stands_in(open_page: Open, staffed: Someone) -> None:
    page = open_page(staffed, "/ui/oncall")
    page.locator("select[name=person]").select_option("ben")
    starts = datetime.fromisoformat(page.get_by_label("From").input_value())
    page.get_by_label("Until").fill(f"{starts + timedelta(hours=8):%Y-%m-%dT%H:%M}")
    page.get_by_label("Why").fill("a bicycle race")
    page.get_by_role("button", name="Stand in").click()
    expect(page.get_by_role("status").filter(has_text="stands in")).to_be_visible()
    expect(page.locator(".overrides")).to_contain_text("a bicycle race")
    expect(page.locator(".on-now").first).to_contain_text("Ben Okoye")
    page.get_by_role("button", name="End").click()
    expect(page.locator(".overrides")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_and_everybody(open_page: Open, staffed: Someone, scheme: str) -> None:
    page = open_page(staffed, "/ui/oncall", scheme=scheme)
    for path in ("/ui/oncall?schedule=nights", "/ui/oncall?from=2027-03-22"):
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            page.goto(path)
            assert overflow(page) <= 0, (path, size)
    page.goto("/ui/oncall?schedule=nights")
    assert axe.serious(page, only_colours=scheme == "dark") == []
