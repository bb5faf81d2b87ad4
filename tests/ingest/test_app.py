"""A 2xx means committed, whatever happens around it."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ingest import access, app, bodies, flusher, sealing
from tests.conftest import Servers
from tests.ingest import batches
from tests.ingest.conftest import Run, Tenant
from tests.ingest.wire import wire
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.security import tokens
from tocsin.storage import intake
from tocsin.storage.record import Record

Look = Callable[[Tenant], batches.Stored]
PATH = "/webhooks/alertmanager"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_what_was_answered_with_2xx_is_in_the_record(
    run: Run, tenant: Tenant, stored: Look
) -> None:
    async def scenario() -> None:
        async with run() as (_, client):
            headers = tenant.bearer | {"traceparent": TRACE}
            mixed = batches.webhook("good", "also good", severity="critical")
            mixed["alerts"].insert(1, {"status": "firing", "labels": {}})
            answer = await client.post(PATH, json=mixed, headers=headers)
            assert answer.status_code == 200
            assert answer.json() == {
                "accepted": 2,
                "rejected": [
                    {"index": 1, "field": "labels", "reason": "at least one label pair required"}
                ],
            }

    asyncio.run(scenario())
    found = stored(tenant)
    assert found.names == ["good", "also good"]
    (row,) = found.inbox
    assert (row["stage"], row["urgent"], row["alerts"], row["traceparent"]) == (
        "dedup", True, 2, TRACE,
    )  # fmt: skip
    (bad,) = found.quarantine
    assert (bad["source"], bad["field"], bad["alerts"]) == ("alertmanager", "labels", 1)
    assert bad["body"] == b'{"status":"firing","labels":{}}'
    assert found.tally == {
        ("alerts_accepted_total", "alertmanager"): 3,
        ("alerts_quarantined_total", "ingest"): 1,
    }


def test_each_source_answers_in_its_own_shape(run: Run, tenant: Tenant, stored: Look) -> None:
    async def scenario() -> None:
        async with run() as (_, client):
            v2 = "/api/v2/alerts"
            fine = await client.post(
                v2, json=[{"labels": {"alertname": "a"}}], headers=tenant.bearer
            )
            assert (fine.status_code, fine.content) == (200, b"")
            both = [{"labels": {"alertname": "b"}}, {"labels": {}}]
            bad = await client.post(v2, json=both, headers=tenant.bearer)
            assert (bad.status_code, bad.json()) == (400, "at least one label pair required")
            worse = await client.post(v2, content=b"{}", headers=tenant.bearer)
            assert (worse.status_code, worse.json()["code"]) == (400, 400)
            assert worse.headers["content-type"] == "application/json"
            unknown = await client.post(v2, json=[])
            assert (unknown.status_code, unknown.json()["code"]) == (401, 401)
            native = await client.post("/api/v1/alerts", json={"title": "c"}, headers=tenant.bearer)
            assert (native.status_code, native.json()) == (200, {"accepted": 1, "rejected": []})
            problem = await client.post(PATH, content=b"?", headers=tenant.bearer)
            assert problem.status_code == 400
            assert problem.headers["content-type"] == "application/problem+json"
            assert problem.json()["title"] == "Bad request"

    asyncio.run(scenario())
    assert stored(tenant).names == ["a", "b", "c"]


def test_concurrent_requests_are_committed_in_groups(
    run: Run, tenant: Tenant, neighbour: Tenant, stored: Look, record: Record
) -> None:
    rings: list[float] = []

    async def scenario() -> None:
        async with run(lambda: rings.append(time.monotonic())) as (_, client):
            posts = [
                client.post(PATH, json=batches.webhook(f"{n:02}"), headers=owner.bearer)
                for n in range(25)
                for owner in (tenant, neighbour)
            ]
            answers = await asyncio.gather(*posts)
            assert {answer.status_code for answer in answers} == {200}

    asyncio.run(scenario())
    for owner in (tenant, neighbour):
        assert sorted(stored(owner).names) == [f"{n:02}" for n in range(25)]
        assert stored(owner).tally == {("alerts_accepted_total", "alertmanager"): 25}
    with record.session([tenant.id, neighbour.id]) as tx:
        (row,) = tx.rows("SELECT count(DISTINCT xmin::text) AS commits FROM inbox")
    assert row["commits"] <= 10
    assert 1 <= len(rings) <= row["commits"] + 1


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


def environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TOCSIN_MASTER_KEY_FILE": str(settings.master_key_file),
    }


def test_a_dead_flusher_ends_the_process(settings: Settings, tenant: Tenant) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEATH, tenant.bearer["Authorization"]],
        env=environment(settings), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 70, done.stderr
    assert "the flusher of the ingest died" in done.stderr
    assert "a bug in the flusher" in done.stderr
    assert tenant.token not in done.stderr


def test_the_real_server_takes_alerts_and_ends_in_order(
    settings: Settings, tenant: Tenant, stored: Look
) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = [sys.executable, "-m", "uvicorn", "ingest.app:app", "--port", str(port)]
    with subprocess.Popen(
        program, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}", transport=httpx.HTTPTransport(retries=20)
            ) as client:
                wait_for(client)
                url = f"/i/{tenant.token}/alertmanager"
                assert client.post(url, json=batches.webhook("real")).status_code == 200
                large = b" " * (bodies.MAX_BYTES + 1)
                assert client.post(url, content=large).status_code == 413
                assert client.post(url, content=iter([b"[", b"]"])).status_code == 200
                assert client.head("/-/ready").status_code == 200
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.stdout is not None
        output = server.stdout.read().decode()
        # uvicorn ends in order and then passes the signal on to itself.
        assert server.wait(20) in (0, -signal.SIGTERM), output
        assert "Application shutdown complete" in output
    assert "/i/.../alertmanager" in output
    assert tenant.token not in output
    assert stored(tenant).names == ["real"]


def wait_for(client: httpx.Client) -> None:
    for _ in range(200):
        try:
            if client.get("/-/ready").status_code == 200:
                return
        except httpx.ConnectError:
            pass
        time.sleep(0.05)
    raise AssertionError("the server does not come up")


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


def test_the_time_is_the_records(
    run: Run, servers: Servers, tenant: Tenant, stored: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "FRESH_SECONDS", 0)

    async def scenario() -> None:
        async with run() as (_, client):
            with psycopg.connect(servers.owner_url, autocommit=True) as conn:
                conn.execute("UPDATE clock_offset SET seconds = 86400")
                try:
                    posted = [{"labels": {"alertname": "tomorrow"}}]
                    await client.post("/api/v2/alerts", json=posted, headers=tenant.bearer)
                finally:
                    conn.execute("UPDATE clock_offset SET seconds = 0")

    asyncio.run(scenario())
    ends = stored(tenant).batches[0].alerts[0].ends_at
    assert ends is not None
    assert timedelta(hours=23) < ends - datetime.now(UTC) < timedelta(hours=25)


def test_a_revoked_token_stops_at_once(
    run: Run, tenant: Tenant, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert access.FRESH_SECONDS <= 1
    monkeypatch.setattr(access, "FRESH_SECONDS", 0)

    async def scenario() -> None:
        async with run() as (_, client):
            post: dict[str, Any] = {"json": [], "headers": tenant.bearer}
            assert (await client.post(PATH, **post)).status_code == 200
            with record.session([tenant.id]) as tx:
                (row,) = tx.rows("SELECT id FROM token")
                tokens.revoke(tx, tenant.id, row["id"])
            assert (await client.post(PATH, **post)).status_code == 401

    asyncio.run(scenario())


def test_a_known_token_is_not_looked_up_again_for_a_moment(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "FRESH_SECONDS", 100)
    looked: list[int] = []
    rows = access.Callers._rows

    async def counted(self: access.Callers, digests: list[bytes]) -> Any:
        looked.append(len(digests))
        return await rows(self, digests)

    monkeypatch.setattr(access.Callers, "_rows", counted)

    async def scenario() -> None:
        async with run() as (_, client):
            for _ in range(5):
                await client.post(PATH, json=[], headers=tenant.bearer)
            flood = [
                client.post(PATH, headers={"Authorization": f"Bearer toc_{n}"}) for n in range(100)
            ]
            assert {each.status_code for each in await asyncio.gather(*flood)} == {401}

    asyncio.run(scenario())
    assert looked[0] == 1
    assert sum(looked) == 101
    assert len(looked) < 20


def test_the_first_key_of_a_tenant_is_the_same_for_all_processes(
    run: Run, tenant: Tenant, stored: Look
) -> None:
    async def scenario() -> None:
        async with run() as (_, one), run() as (_, two):
            posts = (
                each.post(PATH, json=batches.webhook("a"), headers=tenant.bearer)
                for each in (one, two)
            )
            assert {post.status_code for post in await asyncio.gather(*posts)} == {200}

    asyncio.run(scenario())
    assert stored(tenant).names == ["a", "a"]


def test_a_slow_body_is_given_up(run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SECONDS", 0.05)

    async def slow() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.Event().wait()

    async def scenario() -> httpx.Response:
        async with run() as (_, client):
            return await client.post(PATH, content=slow(), headers=tenant.bearer)

    assert asyncio.run(scenario()).status_code == 408


def test_more_waiting_bodies_than_there_is_room_for_are_sent_away(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "WAITING_BYTES", 3 * 1024 * 1024)

    async def scenario() -> None:
        async with run() as (ingest, client):
            body = b"[" + b" " * 2 * 1024 * 1024 + b"]"
            posts = [client.post(PATH, content=body, headers=tenant.bearer) for _ in range(4)]
            found = [post.status_code for post in await asyncio.gather(*posts)]
            assert sorted(set(found)) == [200, 503]
            assert (await client.post(PATH, content=body, headers=tenant.bearer)).status_code == 200
            assert ingest._room._left == 3 * 1024 * 1024

    asyncio.run(scenario())


def test_a_request_whose_sender_left_is_forgotten(run: Run, tenant: Tenant, stored: Look) -> None:
    sent: list[Any] = []

    async def left() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def scenario() -> None:
        async with run() as (ingest, _):
            headers = [(b"authorization", tenant.bearer["Authorization"].encode())]
            scope = {"type": "http", "method": "POST", "path": PATH, "headers": headers}
            await ingest(scope, left, send)

    asyncio.run(scenario())
    assert sent == []
    assert stored(tenant).inbox == []


def test_a_bug_is_logged_without_the_body(
    run: Run, tenant: Tenant, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    async def scenario() -> httpx.Response:
        async with run() as (_, client):
            monkeypatch.setattr(sealing, "entry", broken)
            return await client.post(PATH, json=batches.webhook("secret"), headers=tenant.bearer)

    answer = asyncio.run(scenario())
    assert answer.status_code == 500
    assert "a bug" in caplog.text
    assert "secret" not in caplog.text + answer.text
    assert tenant.token not in caplog.text


def test_the_setup_says_what_is_missing(settings: Settings, tmp_path: Path) -> None:
    async def lifespan(changed: dict[str, Any]) -> list[Any]:
        sent: list[Any] = []

        async def receive() -> dict[str, str]:
            return {"type": "lifespan.startup"}

        async def send(message: Any) -> None:
            sent.append(message)

        ingest = app.build(settings.model_copy(update=changed))
        await ingest({"type": "lifespan"}, receive, send)
        return sent

    for change, said in (
        ({"master_key_file": tmp_path / "none"}, "master key"),
        ({"database_url": ""}, "DATABASE_URL"),
    ):
        (message,) = asyncio.run(lifespan(change))
        assert message["type"] == "lifespan.startup.failed"
        assert said in message["message"]


def test_importing_the_endpoint_is_light() -> None:
    program = (
        "import sys, ingest.app; heavy = {'sqlmodel', 'sqlalchemy', 'pyod', 'sklearn', 'fastapi',"
        " 'starlette', 'dramatiq', 'redis'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_the_default_ring_reaches_redis(run: Run, settings: Settings) -> None:
    logging.getLogger("workers").setLevel(logging.DEBUG)
    assert app._bell(settings)() is True
