"""`make screenshots`: pictures of the pages of a tenant with life in it. Not one of the tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, ViewportSize

from tests.browser import scenes
from tests.browser.conftest import DESK, PHONE, Open
from tests.conftest import Servers
from tests.web.conftest import Someone
from tests.web.dashboard import scenes as people
from tocsin.storage.record import Record

FOLDER = os.environ.get("SCREENSHOTS", "")
#: A picture in the repository is no larger, in bytes.
LARGEST = 150_000
SMALL = ViewportSize(width=1120, height=760)
#: File, page, of what size, in which colours.
PICTURES = (
    ("now", "/ui/now", DESK, "light"),
    ("now-phone", "/ui/now", PHONE, "dark"),
    ("deliveries", "/ui/deliveries", SMALL, "light"),
    ("deliveries-phone", "/ui/deliveries", PHONE, "light"),
    ("delivery", "/ui/deliveries/*", DESK, "dark"),
    ("incidents", "/ui/incidents", SMALL, "light"),
    ("incidents-phone", "/ui/incidents", PHONE, "dark"),
    ("incident", "/ui/incidents/+", DESK, "light"),
    ("incident-phone", "/ui/incidents/+", PHONE, "light"),
    ("oncall", "/ui/oncall", DESK, "light"),
    ("oncall-phone", "/ui/oncall", PHONE, "dark"),
    ("system", "/ui/system", DESK, "dark"),
    ("login", "/ui/login", PHONE, "light"),
)


@pytest.mark.skipif(not FOLDER, reason="only `make screenshots` takes pictures")
def test_pictures(
    open_page: Open, someone: Someone, record: Record, servers: Servers, master_key: Path
) -> None:
    [first, *_] = scenes.night(record, someone.tenant)
    people.policy(record, someone.tenant)
    people.escalating(record, someone.tenant, first)
    scenes.words(record, servers.owner_url, someone.tenant, master_key)
    with record.session([someone.tenant]) as tx:
        tx.run("UPDATE delivery SET finished_at = finished_at - interval '9 minutes'")
        [row] = tx.rows("SELECT id FROM delivery WHERE channel = 'slack' AND state = 'dead'")
    for name, path, size, scheme in PICTURES:
        page = open_page(someone, "/ui/now", scope="admin", size=size, scheme=scheme)
        page.goto(path.replace("*", str(row["id"])).replace("+", str(first)))
        _take(page, Path(FOLDER) / f"{name}.png")
        page.context.close()


def _take(page: Page, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    page.locator("body[data-scripts]").wait_for()
    page.evaluate("document.activeElement.blur()")
    page.screenshot(path=file, animations="disabled")
    assert file.stat().st_size <= LARGEST, file
