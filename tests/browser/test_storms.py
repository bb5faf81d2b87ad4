"""The view of a storm and its banner on a phone and a desk, for everybody."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser import axe, scenes
from tests.browser.conftest import DESK, PHONE, Open, overflow
from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.storage.record import Record

FOLDER = os.environ.get("SCREENSHOTS", "")


def blowing(record: Record, someone: Someone) -> str:
    scenes.night(record, someone.tenant)
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        return str(seeds.storm(tx, someone.tenant, story))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_storm_fits_a_phone_and_everybody(
    open_page: Open, someone: Someone, record: Record, scheme: str
) -> None:
    storm = blowing(record, someone)
    page = open_page(someone, "/ui/now", scope="admin", scheme=scheme)
    for name, path in (("now", "/ui/now"), ("list", "/ui/storms"),
                       ("storm", f"/ui/storms/{storm}")):  # fmt: skip
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            page.goto(path)
            assert overflow(page) <= 0, (path, size)
            if FOLDER:
                page.screenshot(path=Path(FOLDER) / f"{name}-{size['width']}-{scheme}.png",
                                full_page=True)  # fmt: skip
        assert axe.serious(page, only_colours=scheme == "dark") == [], path


def test_a_storm_is_ended_with_one_press_of_a_thumb(
    open_page: Open, someone: Someone, record: Record
) -> None:
    storm = blowing(record, someone)
    page = open_page(someone, "/ui/now", size=PHONE)
    page.get_by_role("link", name="Storm: 412 alerts").click()
    page.wait_for_url(f"**/ui/storms/{storm}")
    for one in page.locator("main button:visible").all():
        box = one.bounding_box()
        assert box is not None
        assert box["height"] >= 44, one.inner_text()
    page.get_by_role("button", name="End the storm").click()
    expect(page.get_by_text("The storm is ended")).to_be_visible()
    page.goto("/ui/now")
    expect(page.locator(".storm-banner")).to_have_count(0)
