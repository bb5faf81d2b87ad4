"""A headless Chromium that looks at the real pages. Only CI must have one."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright import sync_api

from tests.conftest import Servers
from tests.web import servers as running
from tests.web.conftest import Someone, make_someone
from tocsin.config.settings import Settings
from tocsin.storage.record import Record
from tocsin.web import app

NAMES = ("chromium", "chromium-browser", "google-chrome")
PHONE = sync_api.ViewportSize(width=360, height=780)
DESK = sync_api.ViewportSize(width=1280, height=900)


@pytest.fixture(scope="module")
def chromium() -> Iterator[sync_api.Browser]:
    """Debian's; of one file, for its event loop must not run in the tests of others.

    Skipped with a reason where there is none, unless this is CI.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        if os.environ.get("CI") == "true":
            pytest.fail("CI must have chromium: see .ci/run")
        pytest.skip("no chromium here: apt install chromium")
    with sync_api.sync_playwright() as playwright:
        # As root, Chromium has no sandbox; it sees only our own pages.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser
        browser.close()


@dataclass
class Site:
    """The pages as they are served, and who asked for what work."""

    url: str
    rings: list[tuple[str, str]]


@pytest.fixture(scope="session")
def master_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("key") / "master.key"
    file.write_bytes(base64.b64encode(os.urandom(32)))
    return file


@pytest.fixture(scope="session")
def site(record: Record, servers: Servers, master_key: Path) -> Iterator[Site]:
    rings: list[tuple[str, str]] = []
    settings = Settings(REDIS_URL=f"{servers.redis_url}?db=7", master_key_file=master_key)
    built = app.build(settings, record, lambda actor, queue: rings.append((actor, queue)))
    with running.serving(built) as url:
        yield Site(url, rings)


@pytest.fixture
def someone(record: Record, make_tenant: Callable[[], int]) -> Someone:
    return make_someone(record, make_tenant())


Open = Callable[..., sync_api.Page]


@pytest.fixture
def open_page(chromium: sync_api.Browser, site: Site) -> Iterator[Open]:
    """A function that signs somebody in and opens a page; fails where the page logs an error."""
    contexts, wrong = [], []

    def go(
        who: Someone, path: str, *, scope: str = "respond", size: sync_api.ViewportSize = DESK,
        scheme: str = "light", scripts: bool = True,
    ) -> sync_api.Page:  # fmt: skip
        context = chromium.new_context(
            base_url=site.url, viewport=size, color_scheme=scheme,  # type: ignore[arg-type]
            java_script_enabled=scripts, reduced_motion="reduce", timezone_id="Europe/Berlin",
            locale="en-GB",
        )  # fmt: skip
        context.set_default_timeout(8000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda said: wrong.append(said.text) if "Content Security" in said.text
                else None)  # fmt: skip
        page.goto(f"/ui/login?next={path}")
        page.fill("#token", who.tokens[scope])
        page.click("main button")
        page.wait_for_url(f"**{path}")
        return page

    yield go
    for context in contexts:
        context.close()
    assert wrong == []


def overflow(page: sync_api.Page) -> int:
    """By how many pixels the page is wider than the window."""
    return int(page.evaluate("document.documentElement.scrollWidth - innerWidth"))


AXE = Path(__file__).parent / "axe.min.js"
