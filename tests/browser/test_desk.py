"""The delivery desk in a browser: all that match go out again, and drops want their number."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from tests.browser import scenes
from tests.browser.conftest import Open, Site
from tests.conftest import Servers
from tests.web.conftest import Someone
from tocsin.storage.record import Record


def states(record: Record, who: Someone) -> dict[str, int]:
    with record.session([who.tenant]) as tx:
        found = tx.rows("SELECT state, count(*) AS n FROM delivery GROUP BY 1")
        return {row["state"]: row["n"] for row in found}


def test_retry_all_that_match(
    open_page: Open, someone: Someone, record: Record, site: Site
) -> None:
    scenes.dead(record, someone.tenant, 60)
    scenes.dead(record, someone.tenant, 2, channel="email")
    page = open_page(someone, "/ui/deliveries")
    page.get_by_label("Channel").select_option("sms")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("button", name="Retry all 60 matching").click()
    expect(page.get_by_text("This retries 60 deliveries to 3 destinations.")).to_be_visible()
    assert states(record, someone) == {"dead": 62}
    page.get_by_role("button", name="Retry 60").click()
    expect(page.get_by_text("60 deliveries go out again.")).to_be_visible()
    assert states(record, someone) == {"dead": 2, "pending": 60}
    assert ("deliver_sms", "page") in site.rings


def test_a_selection_is_dropped_with_its_number_and_a_reason(
    open_page: Open, someone: Someone, record: Record
) -> None:
    scenes.dead(record, someone.tenant, 3)
    page = open_page(someone, "/ui/deliveries")
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    bar = page.locator("[data-picked]")
    expect(bar).to_contain_text("2 selected")
    bar.get_by_role("button", name="Drop").click()
    page.get_by_label("Why?").fill("old number")
    page.get_by_label("Type 2 to confirm").fill("3")
    page.get_by_role("button", name="Drop 2 for good").click()
    expect(page.get_by_role("alert")).to_contain_text("Nothing was dropped.")
    page.get_by_label("Why?").fill("old number")
    page.get_by_label("Type 2 to confirm").fill("2")
    page.get_by_role("button", name="Drop 2 for good").click()
    expect(page.get_by_text("2 deliveries are dropped.")).to_be_visible()
    assert states(record, someone) == {"dead": 1, "dropped": 2}


def test_without_scripts_the_forms_still_work(
    open_page: Open, someone: Someone, record: Record
) -> None:
    scenes.dead(record, someone.tenant, 1)
    page = open_page(someone, "/ui/deliveries", scripts=False)
    page.get_by_role("button", name="Retry", exact=True).click()
    page.get_by_role("button", name="Retry 1").click()
    expect(page.get_by_text("1 delivery goes out again.")).to_be_visible()
    assert states(record, someone) == {"pending": 1}


def test_a_reader_sees_causes_but_no_buttons(
    open_page: Open, someone: Someone, record: Record
) -> None:
    scenes.night(record, someone.tenant)
    page = open_page(someone, "/ui/deliveries", scope="read")
    expect(page.get_by_text("Invite the bot with /invite")).to_be_visible()
    assert page.locator("#deliveries button").count() == 0
    assert page.locator("input[name=pick]").count() == 0


def test_one_delivery_tells_its_words_and_attempts(
    open_page: Open, someone: Someone, record: Record, servers: Servers, master_key: Path
) -> None:
    scenes.night(record, someone.tenant)
    scenes.words(record, servers.owner_url, someone.tenant, master_key)
    page = open_page(someone, "/ui/deliveries")
    page.get_by_role("listitem").filter(has_text="ops@example.org").get_by_role(
        "link", name="Message and attempts"
    ).click()
    expect(page.get_by_text("Attempt 6")).to_be_visible()
    expect(page.get_by_role("button", name="Retry")).to_be_visible()
    expect(page.locator("pre").filter(has_text="Orders database is down").first).to_be_visible()
