"""Incidents with keys and fingers: acknowledged, undone, picked, and live without a reload."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser import axe
from tests.browser.conftest import DESK, PHONE, Open, overflow
from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.dashboard import scenes
from tocsin.storage.record import Record


def test_acknowledged_by_keys_alone_and_undone(
    open_page: Open, someone: Someone, record: Record
) -> None:
    scenes.incident(record, someone.tenant, "DiskFull")
    scenes.incident(record, someone.tenant, "QueueGrows")
    page = open_page(someone, "/ui/incidents")
    page.keyboard.press("a")
    assert page.url.endswith("/ui/incidents"), "nothing was chosen, so nothing is done"
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("a")
    expect(page.get_by_role("status").filter(has_text="it is yours now")).to_be_visible()
    mine = page.locator("[data-item]", has_text="DiskFull")
    expect(mine).to_contain_text("respond robot has it")
    expect(page.locator("[data-item]", has_text="QueueGrows")).to_contain_text("Nobody has it")
    page.keyboard.press("u")
    expect(page.get_by_role("status").filter(has_text="Taken back")).to_be_visible()
    expect(mine).to_contain_text("Nobody has it")


def test_a_posted_incident_appears_without_a_reload(
    open_page: Open, someone: Someone, record: Record
) -> None:
    page = open_page(someone, "/ui/incidents")
    expect(page.get_by_text("Nothing is going on")).to_be_visible()
    expect(page.locator("#live")).to_have_text("Live")
    page.evaluate("window.stayed = true")
    seeds.story(record, someone.tenant)
    expect(page.get_by_role("link", name="DiskFull")).to_be_visible()
    assert page.evaluate("window.stayed") is True


def test_the_list_stays_while_something_is_picked(
    open_page: Open, someone: Someone, record: Record
) -> None:
    scenes.incident(record, someone.tenant, "DiskFull")
    page = open_page(someone, "/ui/incidents")
    expect(page.locator("#live")).to_have_text("Live")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("#picked [data-count]")).to_have_text("1")
    scenes.incident(record, someone.tenant, "QueueGrows")
    expect(page.locator("#newer")).to_be_visible()
    expect(page.locator("[data-item]")).to_have_count(1)
    page.keyboard.press("r")
    expect(page.get_by_text("All of them are resolved.")).to_be_visible()
    expect(page.locator("[data-item]")).to_have_count(1)
    expect(page.locator("[data-item]")).to_contain_text("QueueGrows")


def test_the_item_that_is_current_stays_so_when_the_list_changes(
    open_page: Open, someone: Someone, record: Record
) -> None:
    scenes.incident(record, someone.tenant, "DiskFull")
    page = open_page(someone, "/ui/incidents")
    expect(page.locator("#live")).to_have_text("Live")
    page.keyboard.press("j")
    scenes.incident(record, someone.tenant, "QueueGrows")
    expect(page.locator("[data-item]")).to_have_count(2)
    expect(page.locator("[data-item].current")).to_contain_text("DiskFull")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/incidents/*")
    expect(page.get_by_role("heading", level=1)).to_have_text("DiskFull")


def test_a_room_shows_who_has_it_and_what_comes_next(
    open_page: Open, someone: Someone, record: Record
) -> None:
    story = seeds.story(record, someone.tenant)
    scenes.policy(record, someone.tenant)
    scenes.escalating(record, someone.tenant, story.incident)
    page = open_page(someone, f"/ui/incidents/{story.incident}")
    expect(page.locator(".stage-planned")).to_contain_text("Ben Okoye")
    expect(page.get_by_text("Nobody has it")).to_be_visible()
    page.keyboard.press("a")
    expect(page.locator("#room .whose")).to_contain_text("respond robot has it")
    expect(page.locator(".entry-acknowledged")).to_contain_text("Acknowledged by respond robot.")
    expect(page.locator(".stage-planned")).to_have_count(0)


def test_it_works_without_scripts(open_page: Open, someone: Someone, record: Record) -> None:
    story = seeds.story(record, someone.tenant)
    page = open_page(someone, "/ui/incidents", scripts=False)
    page.get_by_role("button", name="Acknowledge").first.click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Nobody has it")).to_be_visible()
    page.goto(f"/ui/incidents/{story.incident}")
    page.get_by_role("button", name="Resolve").click()
    expect(page.locator("#room .whose")).to_contain_text("respond robot")


def test_another_tenants_incident_is_nowhere(
    open_page: Open, someone: Someone, record: Record, make_tenant: object
) -> None:
    story = seeds.story(record, make_tenant())  # type: ignore[operator]
    page = open_page(someone, "/ui/incidents")
    found = page.goto(f"/ui/incidents/{story.incident}")
    assert found is not None
    assert found.status == 404


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_they_fit_a_phone_and_everybody(
    open_page: Open, someone: Someone, record: Record, scheme: str
) -> None:
    story = seeds.story(record, someone.tenant, instance="db-1.a-rather-long-name.example.org")
    scenes.policy(record, someone.tenant)
    scenes.escalating(record, someone.tenant, story.incident)
    scenes.incident(record, someone.tenant, "W" * 150, severity="warning")
    scenes.incident(record, someone.tenant, "Had", state="acknowledged", acknowledged_by="anna")
    page = open_page(someone, "/ui/incidents", scheme=scheme)
    for path in ("/ui/incidents", f"/ui/incidents/{story.incident}"):
        for size in (PHONE, DESK):
            page.set_viewport_size(size)
            page.goto(path)
            assert overflow(page) <= 0, (path, size)
        assert axe.serious(page, only_colours=scheme == "dark") == [], path
