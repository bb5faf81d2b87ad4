"""Overload is honest: 503 with Retry-After before the body is read, and never for a neighbour."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ingest import app as ingest_app
from ingest import bodies, pressure, routes
from tests.conftest import Servers
from tests.ingest import batches
from tests.ingest.conftest import Run, Tenant
from tocsin import errors
from tocsin.storage import inbox, intake
from tocsin.storage.record import Record

PATH = "/webhooks/alertmanager"
WAITS = """
INSERT INTO inbox (tenant, stage, urgent, alerts, received_at, attempts)
VALUES (%s, 'dedup', false, %s, tocsin_now() - make_interval(secs => %s), %s)
"""
#: More than a light tenant may have waiting.
MANY = inbox.LIGHT + 1


@pytest.fixture(autouse=True)
def _empty(servers: Servers) -> Iterator[None]:
    """Nothing else waits, and nothing of this is left."""
    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        owner.execute("TRUNCATE inbox")
        yield
        owner.execute("TRUNCATE inbox")


@pytest.fixture
def wait(record: Record) -> Callable[..., None]:
    """Let alerts of a tenant have waited for so many seconds."""

    def put(tenant: Tenant, alerts: int, seconds: float, *, attempts: int = 0) -> None:
        with record.session([tenant.id]) as tx:
            tx.run(WAITS, [tenant.id, alerts, seconds, attempts])

    return put


class Unread(httpx.AsyncByteStream):
    """A body that must not be read."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces():
            yield piece

    def pieces(self) -> list[bytes]:
        raise AssertionError("the body was read")


def post(run: Run, tenant: Tenant, *, looks: int = 2, **settings: Any) -> httpx.Response:
    """What a sender hears once the ingest has looked so often; refused before the body, or not."""

    async def scenario() -> httpx.Response:
        async with run(**{"behind_seconds": 30.0, **settings}) as (ingest, client):
            for _ in range(looks - 1):  # one when it started
                await ingest._flusher.probe()
            try:
                ingest._pressure.check()
            except errors.TocsinError:
                return await client.post(PATH, content=Unread(), headers=tenant.bearer)
            return await client.post(PATH, json=batches.webhook("a"), headers=tenant.bearer)

    return asyncio.run(scenario())


def assert_refused(answer: httpx.Response, title: str) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["title"] == title


def test_while_alerts_wait_for_more_than_half_a_minute_nothing_more_is_taken_in(
    run: Run, tenant: Tenant, wait: Callable[..., None]
) -> None:
    wait(tenant, 1, 31)
    assert_refused(post(run, tenant), "Overloaded")


@pytest.mark.parametrize(("seconds", "attempts"), [(29, 0), (3600, 1)])
def test_what_waits_less_or_failed_before_is_no_load(
    run: Run, tenant: Tenant, wait: Callable[..., None], seconds: float, attempts: int
) -> None:
    wait(tenant, 1, seconds, attempts=attempts)
    assert post(run, tenant).status_code == 200


def test_one_look_is_not_enough_for_time_may_have_made_a_leap(
    run: Run, tenant: Tenant, wait: Callable[..., None]
) -> None:
    wait(tenant, 1, 3600)
    assert post(run, tenant, looks=1).status_code == 200


def test_a_tenant_that_floods_is_no_reason_to_refuse_anybody(
    run: Run, tenant: Tenant, neighbour: Tenant, wait: Callable[..., None]
) -> None:
    wait(tenant, MANY, 300)
    wait(neighbour, 1, 1)
    assert post(run, neighbour).status_code == 200
    assert post(run, tenant).status_code == 200


def test_behind_a_flood_a_tenant_that_waits_too_long_shows_that_all_is_behind(
    run: Run, tenant: Tenant, neighbour: Tenant, wait: Callable[..., None]
) -> None:
    wait(tenant, MANY, 300)
    wait(neighbour, 1, 31)
    assert_refused(post(run, neighbour), "Overloaded")


def test_two_floods_are_the_load_of_all(
    run: Run, tenant: Tenant, neighbour: Tenant, wait: Callable[..., None]
) -> None:
    wait(tenant, MANY, 31)
    wait(neighbour, MANY, 31)
    assert_refused(post(run, tenant), "Overloaded")


def test_it_takes_in_again_with_the_first_look_that_finds_it_in_time(
    run: Run, tenant: Tenant, wait: Callable[..., None], servers: Servers
) -> None:
    async def scenario() -> list[int]:
        async with run(behind_seconds=30.0) as (ingest, client):
            heard = []
            for work in (None, "TRUNCATE inbox"):
                if work:
                    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
                        owner.execute(work.encode())
                await ingest._flusher.probe()
                sent = await client.post(PATH, json=batches.webhook("a"), headers=tenant.bearer)
                heard.append(sent.status_code)
            return heard

    wait(tenant, 1, 31)
    assert asyncio.run(scenario()) == [503, 200]


def test_a_full_disk_is_said_as_such_and_the_next_bodies_are_not_read(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = intake.append

    async def full(*_: object) -> None:
        raise psycopg.errors.DiskFull("could not extend file: No space left on device")

    async def scenario() -> None:
        async with run() as (_, client):
            send: dict[str, Any] = {"json": batches.webhook("a"), "headers": tenant.bearer}
            monkeypatch.setattr(intake, "append", full)
            assert_refused(await client.post(PATH, **send), "No room")
            again = await client.post(PATH, content=Unread(), headers=tenant.bearer)
            assert_refused(again, "No room")
            assert (await client.get("/-/ready")).status_code == 200
            monkeypatch.setattr(intake, "append", append)
            clock = time.monotonic
            monkeypatch.setattr(time, "monotonic", lambda: clock() + pressure.FULL_SECONDS)
            assert (await client.post(PATH, **send)).status_code == 200

    asyncio.run(scenario())


def test_with_too_little_free_space_below_the_embedded_record_nothing_is_taken_in(
    run: Run, tenant: Tenant, tmp_path: Path
) -> None:
    (tmp_path / "postgres").mkdir()
    too_much = 10**9
    assert_refused(post(run, tenant, home=tmp_path, least_free_mb=too_much), "No room")
    assert post(run, tenant, home=tmp_path, least_free_mb=0).status_code == 200
    elsewhere = tmp_path / "elsewhere"
    assert post(run, tenant, home=elsewhere, least_free_mb=too_much).status_code == 200


@pytest.mark.parametrize("path", sorted(set(routes.table()) - set(routes.HEALTH)))
@pytest.mark.parametrize("error", [errors.Overloaded, errors.NoRoom, errors.Busy])
def test_no_source_ever_answers_429_for_alertmanager_would_wait_for_minutes_then(
    run: Run, tenant: Tenant, path: str, error: type[errors.TocsinError],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def refuse(*_: object) -> None:
        raise error

    if error is errors.Busy:
        monkeypatch.setattr(bodies.Claim, "grow", refuse)
    else:
        monkeypatch.setattr(pressure.Pressure, "check", refuse)

    async def scenario() -> httpx.Response:
        async with run() as (_, client):
            return await client.post(path, content=b"{}", headers=tenant.bearer)

    answer = asyncio.run(scenario())
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_the_ingest_knows_no_error_that_says_429() -> None:
    folder = Path(ingest_app.__file__).parent
    for file in folder.rglob("*.py"):
        assert "TooOften" not in file.read_text(), file
        assert "429" not in file.read_text(), file
