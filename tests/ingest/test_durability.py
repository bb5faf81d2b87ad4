"""What breaks around the ingest: nothing that was answered with 2xx is lost, nothing hangs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ingest import access, flusher
from tests.conftest import Servers
from tests.ingest import batches
from tests.ingest.conftest import Run, Tenant, environment
from tests.ingest.wire import wire
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.storage import intake
from tocsin.storage.record import Record

Look = Callable[[Tenant], batches.Stored]
PATH = "/webhooks/alertmanager"


def entry(tenant: int, body: bytes = b"x", trace: str | None = None) -> flusher.Entry:
    return flusher.Entry(tenant, intake.Accepted(tenant, "test", 1, False, body, trace))


def test_a_poisonous_request_does_not_fail_its_neighbours(
    run: Run, tenant: Tenant, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> list[Any]:
        async with run() as (ingest, _):
            entries = [entry(tenant.id), entry(tenant.id, trace="\0"), entry(tenant.id)]
            entries.append(entry(-1, trace="\ud800"))
            store = [ingest._flusher.store(each) for each in entries]
            return await asyncio.gather(*store, return_exceptions=True)

    first, poison, third, surrogate = asyncio.run(scenario())
    assert first is None
    assert third is None
    assert isinstance(poison, errors.BadRequest)
    assert isinstance(surrogate, errors.BadRequest)
    with record.session([tenant.id]) as tx:
        assert len(tx.rows("SELECT FROM inbox")) == 2
    assert "poison" in caplog.text


def test_an_unforeseen_failure_asks_the_sender_to_repeat(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(*_: object) -> None:
        raise psycopg.ProgrammingError("no such table")

    async def scenario() -> httpx.Response:
        async with run() as (_, client):
            monkeypatch.setattr(intake, "append", broken)
            return await client.post(PATH, json=batches.webhook("a"), headers=tenant.bearer)

    assert asyncio.run(scenario()).status_code == 503
    assert "no such table" in caplog.text


async def answers(client: httpx.AsyncClient, path: str, status: int) -> None:
    """Wait until the path answers so; the test's own time limit ends it."""
    while (await client.get(path)).status_code != status:
        await asyncio.sleep(0.01)


def test_without_the_record_nothing_is_accepted_and_it_heals_by_itself(
    run: Run, servers: Servers, tenant: Tenant, stored: Look, short_folder: Path
) -> None:
    async def scenario() -> None:
        async with (
            wire(servers.database_url, short_folder) as line,
            run(database_url=line.url) as (_, client),
        ):
            post: dict[str, Any] = {"json": batches.webhook("lost"), "headers": tenant.bearer}
            await answers(client, "/-/ready", 200)
            line.cut()
            refused = await client.post(PATH, **post)
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "2")
            assert refused.headers["content-type"] == "application/problem+json"
            await answers(client, "/-/ready", 503)
            assert (await client.get("/-/healthy")).text == "OK"
            v2 = await client.post("/api/v2/alerts", json=[], headers=tenant.bearer)
            assert (v2.status_code, v2.json()["code"]) == (503, 503)
            assert v2.headers["retry-after"] == "2"
            await line.mend()
            await answers(client, "/-/ready", 200)
            kept = await client.post(PATH, json=batches.webhook("kept"), headers=tenant.bearer)
            assert kept.status_code == 200

    asyncio.run(scenario())
    assert stored(tenant).names == ["kept"]


def test_a_connection_that_died_unseen_is_made_anew_without_failing_a_request(
    run: Run, tenant: Tenant, servers: Servers, stored: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flusher, "PROBE_SECONDS", 100)
    monkeypatch.setattr(access, "FRESH_SECONDS", 0)

    async def scenario() -> None:
        async with run() as (ingest, client):
            post: dict[str, Any] = {"json": batches.webhook("a"), "headers": tenant.bearer}
            assert (await client.post(PATH, **post)).status_code == 200
            pids = [each._conn.info.backend_pid for each in ingest._records if each._conn]
            with psycopg.connect(servers.owner_url, autocommit=True) as conn:
                conn.execute("SELECT pg_terminate_backend(pid, 5000) FROM unnest(%s) pid", [pids])
            assert (await client.post(PATH, **post)).status_code == 200

    asyncio.run(scenario())
    assert stored(tenant).names == ["a", "a"]


def test_a_commit_in_doubt_is_answered_with_503(
    run: Run, servers: Servers, tenant: Tenant, record: Record, short_folder: Path
) -> None:
    async def scenario() -> None:
        async with (
            wire(servers.database_url, short_folder) as line,
            run(database_url=line.url) as (ingest, _),
        ):
            await ingest._callers.find(tenant.token)
            line.lose_answer_to = b"COMMIT"
            with pytest.raises(errors.RecordAway):
                await ingest._flusher.store(entry(tenant.id))
            assert ingest._flusher.away

    asyncio.run(scenario())
    # It was committed, once: the sender repeats, and deduplication makes that harmless.
    with record.session([tenant.id]) as tx:
        assert len(tx.rows("SELECT FROM inbox")) == 1


def test_a_record_that_hangs_is_given_up_in_time(
    run: Run, servers: Servers, tenant: Tenant, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(flusher, "COMMIT_SECONDS", 0.1)
    monkeypatch.setattr(flusher, "PROBE_SECONDS", 100)
    monkeypatch.setattr(access, "FRESH_SECONDS", 100)

    async def scenario() -> None:
        async with (
            wire(servers.database_url, short_folder) as line,
            run(database_url=line.url) as (_, client),
        ):
            post: dict[str, Any] = {"json": batches.webhook("a"), "headers": tenant.bearer}
            assert (await client.post(PATH, **post)).status_code == 200
            line.freeze()
            late = await asyncio.gather(*(client.post(PATH, **post) for _ in range(3)))
            assert {answer.status_code for answer in late} == {503}
            # While it hangs nothing is taken in: this one does not wait at all.
            assert (await client.post(PATH, **post)).status_code == 503
            await line.mend()
            await answers(client, "/-/ready", 200)
            assert (await client.post(PATH, **post)).status_code == 200

    asyncio.run(scenario())


def test_a_look_up_that_hangs_is_given_up_in_time(
    run: Run, servers: Servers, tenant: Tenant, short_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "PATIENCE_SECONDS", 0.1)
    monkeypatch.setattr(access, "_LOOKED_UP_AT_ONCE", 1)

    async def scenario() -> None:
        async with (
            wire(servers.database_url, short_folder) as line,
            run(database_url=line.url) as (_, client),
        ):
            line.freeze()
            tries = [
                client.post(PATH, headers={"Authorization": f"Bearer toc_{n}"}) for n in range(3)
            ]
            assert {each.status_code for each in await asyncio.gather(*tries)} == {503}
            await line.mend()

    asyncio.run(scenario())


@pytest.mark.parametrize("kind", ["raises", "hangs"])
def test_a_failing_doorbell_never_reaches_a_request(
    run: Run, tenant: Tenant, stored: Look, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    release = threading.Event()

    def ring() -> None:
        if kind == "raises":
            raise ConnectionError("redis is away")
        release.wait()

    async def scenario() -> None:
        async with run(ring) as (_, client):
            for _ in range(3):
                post = await client.post(PATH, json=batches.webhook("a"), headers=tenant.bearer)
                assert post.status_code == 200

    asyncio.run(scenario())
    release.set()
    assert stored(tenant).names == ["a"] * 3
    assert caplog.text.count("doorbell fails") == (1 if kind == "raises" else 0)


DEATH = """
import asyncio, logging, sys
import httpx
from ingest import app, flusher
from tocsin.config import settings

async def main():
    logging.basicConfig()
    ingest = app.build(settings.load(), lambda: None)
    await ingest.start()
    def broken(self): raise RuntimeError("a bug in the flusher")
    flusher.Flusher._take = broken
    client = httpx.AsyncClient(transport=httpx.ASGITransport(ingest), base_url="http://x")
    await client.post("/api/v1/alerts", json={"title": "a"}, headers={"Authorization": sys.argv[1]})

asyncio.run(main())
"""


def test_a_dead_flusher_ends_the_process(settings: Settings, tenant: Tenant) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEATH, tenant.bearer["Authorization"]],
        env=environment(settings), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 70, done.stderr
    assert "the flusher of the ingest died" in done.stderr
    assert "a bug in the flusher" in done.stderr
    assert tenant.token not in done.stderr


def test_what_waits_at_the_end_is_still_written(run: Run, tenant: Tenant, stored: Look) -> None:
    rings: list[int] = []

    async def scenario() -> None:
        async with run(lambda: rings.append(1)) as (ingest, client):
            posts = [
                asyncio.create_task(
                    client.post(PATH, json=batches.webhook("a"), headers=tenant.bearer)
                )
                for _ in range(5)
            ]
            while not ingest._flusher._waiting:
                await asyncio.sleep(0)
            await ingest.stop()
            answers = await asyncio.gather(*posts)
            committed = [each for each in answers if each.status_code == 200]
            assert committed
            assert {each.status_code for each in answers} <= {200, 503}
            assert stored(tenant).names == ["a"] * len(committed)
            await ingest.start()

    asyncio.run(scenario())
    assert rings
