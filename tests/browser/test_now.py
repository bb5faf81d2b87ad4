"""What every page must be: live, small, reachable by keys, readable by everybody."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser import scenes
from tests.browser.conftest import AXE, DESK, PHONE, Open, Site, overflow
from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.storage.record import Record
from tocsin.web import dashboard

PAGES = ("/ui/now", "/ui/deliveries", "/ui/deliveries?tab=retrying", "/ui/system",
         "/ui/heartbeats")  # fmt: skip


def test_signed_in_and_out_again(open_page: Open, someone: Someone, site: Site) -> None:
    page = open_page(someone, "/ui/now")
    expect(page.get_by_text(someone.slug)).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out.")).to_be_visible()
    page.goto("/ui/now")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.fill("#token", "wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not known here")


def test_something_new_shows_up_by_itself(
    open_page: Open, someone: Someone, record: Record
) -> None:
    page = open_page(someone, "/ui/now")
    expect(page.get_by_text("Nothing has ever fired here")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.stayed = true")
    seeds.story(record, someone.tenant)
    expect(page.get_by_role("heading", name="DiskFull")).to_be_visible()
    assert page.evaluate("window.stayed") is True


def test_who_has_something_selected_is_not_disturbed(
    open_page: Open, someone: Someone, record: Record
) -> None:
    scenes.dead(record, someone.tenant, 2)
    page = open_page(someone, "/ui/deliveries")
    expect(page.locator("#live")).to_have_text("Live")
    page.locator("input[name=pick]").first.check()
    scenes.dead(record, someone.tenant, 1)
    newer = page.locator("#newer")
    expect(newer).to_contain_text("show")
    assert page.locator("[data-item]").count() == 2
    newer.click()
    expect(page.locator("[data-item]")).to_have_count(3)


def test_keys_go_places_and_help(open_page: Open, someone: Someone) -> None:
    page = open_page(someone, "/ui/now")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_url("**/ui/deliveries")
    page.keyboard.press("/")
    expect(page.get_by_label("Error text")).to_be_focused()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_fits_a_phone_and_everybody(
    open_page: Open, someone: Someone, record: Record, scheme: str
) -> None:
    scenes.night(record, someone.tenant)
    page = open_page(someone, "/ui/now", scope="admin", scheme=scheme)
    with record.session([someone.tenant]) as tx:
        [row] = tx.rows("SELECT id FROM delivery WHERE state = 'dead' LIMIT 1")
    for path in (*PAGES, f"/ui/deliveries/{row['id']}", "/ui/no-such-page", "/ui/login"):
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            page.goto(path)
            assert overflow(page) <= 0, (path, size)
        assert _serious(page, only_colours=scheme == "dark") == [], path


def test_targets_are_large_enough_for_a_thumb(
    open_page: Open, someone: Someone, record: Record
) -> None:
    scenes.night(record, someone.tenant)
    page = open_page(someone, "/ui/now", size=PHONE)
    for path in PAGES:
        page.goto(path)
        for one in page.locator("main button:visible, nav.menu a, main .tabs a").all():
            box = one.bounding_box()
            assert box is not None
            assert box["height"] >= 44, (path, one.inner_text())


def test_the_scripts_are_small() -> None:
    folder = Path(dashboard.__file__).parents[1] / "static"
    packed = sum(len(gzip.compress(path.read_bytes())) for path in folder.glob("*.js"))
    assert packed <= 60_000


def _serious(page: Page, *, only_colours: bool) -> list[Any]:
    """What axe has against the page: the rule, and where. Only colours differ by the scheme."""
    # As a debugger would, past the policy of content, which keeps such things out.
    page.evaluate(AXE.read_text(encoding="utf-8") + "; undefined")
    rules = "['color-contrast']" if only_colours else "['wcag2a', 'wcag2aa', 'wcag21aa']"
    found = page.evaluate(f"axe.run(document, {{runOnly: {rules}}})")
    assert found["passes"], "axe looked at nothing"
    return [
        (one["id"], [node["html"][:120] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
