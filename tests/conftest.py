"""What all tests share: a scrubbed environment, real servers, and fresh tenants."""

from __future__ import annotations

import functools
import gc
import itertools
import os
import re
import shutil
import ssl
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import hypothesis
import psycopg
import pytest
import structlog
from xdist.scheduler import LoadFileScheduling


def _scrub() -> None:
    """Forget what the developer's shell says, before anything of the product is imported."""
    for name in list(os.environ):
        if name.upper().startswith("TOCSIN_") or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]
    # Some machines say that nothing be kept: then each of hundreds of processes compiles all of it.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


_scrub()
# Most tests have no workers, and stories leap hours: what waits there says nothing of load.
os.environ["TOCSIN_BEHIND_SECONDS"] = "0"
# How long an example takes says more about the machine than about us.
hypothesis.settings.register_profile(
    "tocsin", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("tocsin")
# Left alone, structlog draws each exception with all its local variables: ten seconds a time.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.format_exc_info,
        structlog.processors.KeyValueRenderer(key_order=["level", "event"]),
    ]
)

# All authorities of the world take 40 ms of computing to read, for each client that a test makes.
mock.patch.object(
    ssl, "create_default_context", functools.cache(ssl.create_default_context)
).start()

from tocsin import embedded, homes  # noqa: E402
from tocsin.egress import guard  # noqa: E402
from tocsin.storage import migrate, tenants  # noqa: E402
from tocsin.storage.record import Record  # noqa: E402

mock.patch.object(guard, "trusted", functools.cache(guard.trusted)).start()

#: A database that is migrated and empty; others are copied from it.
BLANK = "blank"
HERE = Path(__file__).parent
#: Folders whose tests run whole installations or browsers: they wait much, and start much.
#: The longest come first, lest one of them be alone at the end.
HEAVY = ("differential", "e2e", "tenants", "hostile", "browser")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """To run only what runs alone, only the files that have such tests are imported."""
    asked = config.option.markexpr == "alone" and collection_path.name.startswith("test_")
    return True if asked and "mark.alone" not in collection_path.read_text() else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread what is heavy among the rest: two installations that start at once starve each other,
    and at the end the last of them would have the machine to themselves."""
    units: dict[str, list[pytest.Item]] = {}
    for item in items:
        units.setdefault(_unit(str(item.path.relative_to(HERE))), []).append(item)
    for some in units.values():
        some.sort(key=lambda item: _travels(item.path))
    places: dict[str, float] = {}
    for heavy in (True, False):
        those = [unit for unit in units if (_folder(unit) in HEAVY) is heavy]
        those.sort(key=lambda unit: HEAVY.index(_folder(unit)) if heavy else 0)
        places |= {unit: (number + heavy / 2) / len(those) for number, unit in enumerate(those)}
    items[:] = [item for unit in sorted(units, key=lambda u: places[u]) for item in units[unit]]


@functools.cache
def _unit(file: str) -> str:
    """What runs together in one process: a file, or all that share the one installation."""
    text = (HERE / file).read_text()
    shares = re.search(r"\bstack: Stack\b", text) and "def stack(" not in text
    return "e2e" if file.startswith("e2e/") and shares else file


@functools.cache
def _travels(file: Path) -> bool:
    """Whether its stories leap in time: real clients of that installation have to come first."""
    return ".travel(" in file.read_text()


def _folder(unit: str) -> str:
    return unit.split("/")[0]


class _Scheduling(LoadFileScheduling):  # type: ignore[misc]
    def _split_scope(self, nodeid: str) -> str:
        return _unit(super()._split_scope(nodeid).removeprefix("tests/"))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int | None:
    """One more than there are processors, for about a third of all time is waiting."""
    if "PYTEST_XDIST_AUTO_NUM_WORKERS" in os.environ:
        return None
    return min(4, len(os.sched_getaffinity(0)) + 1)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> _Scheduling:
    return _Scheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """An installation that nobody uses any more still computes, beside all tests that follow."""
    yield
    ours = _installation(item)
    if ours is not None and (nextitem is None or _installation(nextitem) is not ours):
        ours.finish(item._request)  # type: ignore[attr-defined]


def _installation(item: pytest.Item) -> pytest.FixtureDef[Any] | None:
    found = item._fixtureinfo.name2fixturedefs.get("stack", [])  # type: ignore[attr-defined]
    return found[-1] if found else None


def pytest_collection_finish() -> None:
    """What was imported by now stays: let nobody look again and again whether it is garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


@dataclass(frozen=True)
class Servers:
    """The embedded servers of this test run."""

    home: Path
    owner_url: str
    database_url: str
    redis_url: str


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """PostgreSQL and Valkey in a home of their own that lives as long as the session.

    Not in ``tmp_path``: pytest's folders are closed to the uid that the servers have under root.
    """
    home = Path(tempfile.mkdtemp(prefix="tocsin-test-", dir="/tmp"))
    held = homes.lock(home)
    try:
        # Nobody cuts the power here, and the stories end to end wait for the disk as users do.
        postgres = embedded.start_postgres(home, {"fsync": "off"})
        try:
            valkey = embedded.start_valkey(home)
            try:
                yield Servers(home, postgres.url, _prepare(postgres.url), valkey.url)
            finally:
                valkey.stop()
        finally:
            postgres.stop()
    finally:
        held.close()
        shutil.rmtree(home, ignore_errors=True)


def _prepare(owner_url: str) -> str:
    """Migrate, and keep a copy of what that made: the migrations take seconds, a copy does not."""
    database_url = migrate.prepare(owner_url)
    with psycopg.connect(owner_url, autocommit=True) as conn:
        name = conn.info.dbname
    with psycopg.connect(owner_url, dbname="postgres", autocommit=True) as conn:
        conn.execute(f'CREATE DATABASE "{BLANK}" TEMPLATE "{name}"'.encode())
    return database_url


@pytest.fixture(scope="session")
def record(servers: Servers) -> Iterator[Record]:
    """The way into the record as the processes have it: without the owner's rights."""
    opened = Record(servers.database_url)
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def make_tenant(record: Record) -> Callable[[], int]:
    """A function that makes a tenant nobody else uses and returns its id."""
    numbers = itertools.count(1)

    def make() -> int:
        slug = f"t{next(numbers)}-{os.getpid()}"
        with record.admin() as tx:
            return tenants.create(tx, slug, slug)

    return make
