"""The endpoint from end to end, on the real record: a 2xx means committed."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ingest import access, app, bodies, sealing
from tests.conftest import Servers
from tests.ingest import batches
from tests.ingest.conftest import Run, Tenant
from tocsin.config.settings import Settings
from tocsin.security import tokens
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
            assert ingest._room.left == 3 * 1024 * 1024

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


def test_a_web_socket_is_declined(run: Run) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    async def scenario() -> None:
        async with run() as (ingest, _):
            await ingest({"type": "websocket", "path": PATH}, receive, send)

    asyncio.run(scenario())
    assert sent == [{"type": "websocket.close", "code": 1000}]
