"""Addresses of heartbeats: noted before they are answered, whoever posts what to them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ingest import app, bodies, pings
from tests.conftest import Servers
from tests.ingest.conftest import Run, Tenant
from tests.ingest.wire import wire
from tocsin.domain.heartbeats import Deaf, Heartbeat, Rhythm
from tocsin.security import crypto
from tocsin.security import pings as keys
from tocsin.storage import heartbeats
from tocsin.storage.record import Record

FIVE = Rhythm(timedelta(minutes=5), "", "UTC", timedelta(minutes=1))
Beats = Callable[..., list[str]]
Row = Callable[..., dict[str, Any]]


@pytest.fixture
def signer(master_key: Path) -> keys.Signer:
    return keys.Signer(crypto.master_key(master_key))


@pytest.fixture
def beats(record: Record, signer: keys.Signer) -> Beats:
    """Makes heartbeats of these names; returns their paths."""

    def make(tenant: Tenant, *names: str) -> list[str]:
        with record.session([tenant.id]) as tx:
            heartbeats.lay(tx, tenant.id, [Heartbeat(name, FIVE) for name in names])
            # As if they had been looked at.
            tx.run("DELETE FROM timer WHERE kind = 'heartbeat'")
            ids = {row["name"]: row["id"] for row in heartbeats.listed(tx, tenant.id)}
        return [f"/ping/{signer.key(tenant.id, ids[name])}" for name in names]

    return make


@pytest.fixture
def row(record: Record) -> Row:
    def look(tenant: Tenant, name: str = "a") -> dict[str, Any]:
        with record.session([tenant.id]) as tx:
            (found,) = heartbeats.listed(tx, tenant.id, name)
            subjects = tx.rows("SELECT subject FROM timer WHERE kind = 'heartbeat'")
        return {**found, "timers": [each["subject"] for each in subjects]}

    return look


def play(run: Run, story: Callable[[httpx.AsyncClient], Any], **settings: Any) -> None:
    async def scenario() -> None:
        async with run(**settings) as (_, client):
            await story(client)

    asyncio.run(scenario())


def test_what_was_answered_is_in_the_record(
    run: Run, tenant: Tenant, beats: Beats, row: Row, record: Record, master_key: Path
) -> None:
    [path] = beats(tenant, "a")

    async def story(client: httpx.AsyncClient) -> None:
        agent = {"User-Agent": "curl/8.9\x7f"}
        answer = await client.post(path, content=b"42 files\n", headers=agent)
        assert (answer.status_code, answer.content) == (200, b"OK")
        assert (await client.get(path, headers=agent)).status_code == 200  # it said nothing more

    play(run, story)
    found = row(tenant)
    assert (found["pings"], found["last_kind"], found["last_agent"]) == (2, "success", "curl/8.9")
    assert found["last_from"] == "127.0.0.1"
    assert found["success_at"] == found["last_at"] > datetime.now(UTC) - timedelta(minutes=1)
    assert found["timers"] == ["beat a"]  # the first: from now on it is expected
    with record.session([tenant.id]) as tx:
        said = crypto.from_file(master_key).open(tx, tenant.id, found["message"])
    assert said == b"42 files\n"


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
def test_each_method_is_a_ping(
    run: Run, tenant: Tenant, beats: Beats, row: Row, method: str
) -> None:
    [path] = beats(tenant, "a")

    async def story(client: httpx.AsyncClient) -> None:
        answer = await client.request(method, path)
        assert (answer.status_code, answer.content) == (200, b"" if method == "HEAD" else b"OK")

    play(run, story)
    assert row(tenant)["pings"] == 1


def test_start_and_end_measure_how_long_it_took(
    run: Run, tenant: Tenant, beats: Beats, row: Row
) -> None:
    [path] = beats(tenant, "a")

    async def story(client: httpx.AsyncClient) -> None:
        for word in ("", "/start", "/0"):
            assert (await client.get(path + word)).status_code == 200

    play(run, story)
    found = row(tenant)
    assert (found["last_kind"], found["last_status"], found["pings"]) == ("success", 0, 3)
    assert found["success_at"] > found["started_at"]
    spent = (found["success_at"] - found["started_at"]) / timedelta(milliseconds=1)
    assert abs(found["took"] - spent) <= 1


@pytest.mark.parametrize(("word", "status"), [("/fail", None), ("/3", 3)])
def test_what_says_that_it_failed_is_looked_at_now(
    run: Run, tenant: Tenant, beats: Beats, row: Row, word: str, status: int | None
) -> None:
    [path] = beats(tenant, "a")

    async def story(client: httpx.AsyncClient) -> None:
        assert (await client.post(path + word)).status_code == 200

    play(run, story)
    found = row(tenant)
    assert (found["last_kind"], found["last_status"]) == ("fail", status)
    assert found["failed_at"] == found["last_at"]
    assert (found["success_at"], found["timers"]) == (None, ["beat a"])


def test_a_ping_each_millisecond_is_a_few_transactions(
    run: Run, tenant: Tenant, beats: Beats, row: Row, record: Record
) -> None:
    """And once it is known that all is well, none of them touches a timer."""
    [path] = beats(tenant, "a")
    seen: set[str] = set()

    async def story(client: httpx.AsyncClient) -> None:
        await client.get(path)
        with record.session([tenant.id]) as tx:
            tx.run("DELETE FROM timer WHERE kind = 'heartbeat'")
        for _ in range(4):
            await asyncio.gather(*(client.get(path) for _ in range(50)))
            with record.session([tenant.id]) as tx:
                seen.update(r["x"] for r in tx.rows("SELECT xmin::text AS x FROM heartbeat"))

    play(run, story)
    found = row(tenant)
    assert (found["pings"], found["timers"]) == (201, [])
    assert len(seen) <= 4


def test_several_kinds_at_once_are_all_noted(
    run: Run, tenant: Tenant, beats: Beats, row: Row
) -> None:
    one, two = beats(tenant, "a", "b")

    async def story(client: httpx.AsyncClient) -> None:
        paths = [one, f"{one}/fail", f"{one}/start", two]
        answers = await asyncio.gather(*map(client.get, paths))
        assert {answer.status_code for answer in answers} == {200}

    play(run, story)
    found = row(tenant)
    assert found["pings"] == 3
    assert None not in (found["success_at"], found["failed_at"], found["started_at"])
    assert row(tenant, "b")["pings"] == 1


def test_who_has_no_key_learns_nothing(
    run: Run, tenant: Tenant, neighbour: Tenant, beats: Beats, row: Row, signer: keys.Signer,
    record: Record,
) -> None:  # fmt: skip
    [path] = beats(tenant, "a")
    beats(neighbour, "a")
    key, id = path.removeprefix("/ping/"), row(tenant)["id"]
    foreign = signer.key(neighbour.id, id)  # its id, of another tenant
    nobody = signer.key(2**40, id)
    another = keys.Signer(b"x" * 32).key(tenant.id, id)
    wrong = [
        foreign, nobody, another, key[:-1], key + "A", key[:-1] + ("B" if key[-1] != "B" else "A"),
        key.upper(), "a", "", "%00", "..%2f", "é" * 43, "A" * 43, "A" * 5000, f"{key}/nothing",
        f"{key}/256", f"{key}/", f"{key}//fail", f"{key}/0/0",
    ]  # fmt: skip
    beats(tenant, "other")  # "a" is gone now
    said: set[bytes] = set()

    async def story(client: httpx.AsyncClient) -> None:
        for each in [*wrong, key]:
            answer = await client.get(f"/ping/{each}")
            assert answer.status_code == 404, each
            said.add(answer.content)

    play(run, story)
    assert len(said) == 1
    assert row(neighbour)["pings"] == 0
    with record.session([tenant.id]) as tx:
        assert tx.rows("SELECT 1 AS one FROM heartbeat WHERE pings > 0") == []


def test_an_old_address_is_nobodys(run: Run, tenant: Tenant, beats: Beats, record: Record) -> None:
    [old] = beats(tenant, "a")
    with record.session([tenant.id]) as tx:
        heartbeats.rotate(tx, {"tenant": tenant.id, "name": "a"})
    [new] = beats(tenant, "a")

    async def story(client: httpx.AsyncClient) -> None:
        assert (await client.get(old)).status_code == 404
        assert (await client.get(new)).status_code == 200

    play(run, story)
    assert new != old


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_refused_whatever_the_key(
    run: Run, tenant: Tenant, beats: Beats, method: str
) -> None:
    [path] = beats(tenant, "a")

    async def story(client: httpx.AsyncClient) -> None:
        for each in (path, "/ping/x"):
            answer = await client.request(method, each)
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD, POST")

    play(run, story)


def test_of_ten_megabytes_the_beginning_is_kept_and_more_is_not_waited_for(
    run: Run, tenant: Tenant, beats: Beats, row: Row, record: Record, master_key: Path
) -> None:
    [path] = beats(tenant, "a")
    given = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal given
        while True:
            given += 65536
            yield b"\xff\x00" * 32768

    async def story(client: httpx.AsyncClient) -> None:
        large = await client.post(path, content=b"x" * bodies.MAX_BYTES)
        assert large.status_code == 200
        lies = {"Content-Encoding": "gzip"}
        assert (await client.post(path, content=b"no gzip", headers=lies)).status_code == 200
        assert (await client.post(f"{path}/fail", content=endless())).status_code == 200

    play(run, story)
    assert given <= bodies.MAX_BYTES + 2 * 65536
    found = row(tenant)
    assert (found["pings"], found["last_kind"]) == (3, "fail")
    with record.session([tenant.id]) as tx:
        said = crypto.from_file(master_key).open(tx, tenant.id, found["message"])
    assert said == b"\xff\x00" * (pings.MESSAGE_BYTES // 2)


def test_a_body_that_never_ends_keeps_nobody_waiting(
    run: Run, tenant: Tenant, beats: Beats, row: Row, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "BODY_SECONDS", 0.05)
    [path] = beats(tenant, "a")

    async def story(client: httpx.AsyncClient) -> None:
        async def slow() -> AsyncIterator[bytes]:
            yield b"so far"
            await asyncio.Event().wait()

        assert (await client.post(path, content=slow())).status_code == 200

    play(run, story)
    assert row(tenant)["message"] is not None


def test_who_comes_while_it_ends_is_sent_away(run: Run, tenant: Tenant, beats: Beats) -> None:
    [path] = beats(tenant, "a")

    async def scenario() -> None:
        async with run() as (ingest, client):
            ingest._pings.stop()
            async with asyncio.timeout(5):
                assert (await client.get(path)).status_code == 503

    asyncio.run(scenario())


def test_a_row_that_somebody_holds_is_nobody_elses_misfortune(
    run: Run, servers: Servers, tenant: Tenant, neighbour: Tenant, beats: Beats
) -> None:
    [mine], [held] = beats(tenant, "a"), beats(neighbour, "a")

    async def story(client: httpx.AsyncClient) -> None:
        with psycopg.connect(servers.owner_url) as stopped:
            stopped.execute("SELECT 1 FROM heartbeat WHERE tenant = %s FOR UPDATE", [neighbour.id])
            answers = await asyncio.gather(client.get(held), client.get(mine))
        assert [answer.status_code for answer in answers] == [503, 200]
        assert (await client.get(held)).status_code == 200

    play(run, story)


def test_while_the_record_is_away_it_says_so_and_heals(
    run: Run, tenant: Tenant, beats: Beats, row: Row, settings: Any, short_folder: Path
) -> None:
    [path] = beats(tenant, "a")

    async def scenario() -> None:
        async with (
            wire(settings.database_url, short_folder) as cable,
            run(database_url=cable.url) as (_, client),
        ):
            assert (await client.get(path)).status_code == 200
            cable.cut()
            answer = await client.get(path)
            assert answer.status_code == 503
            assert answer.headers["retry-after"]
            await cable.mend()
            assert (await client.get(path)).status_code == 200

    asyncio.run(scenario())
    assert row(tenant)["pings"] == 2


def test_it_says_that_it_can_hear_and_remembers_when_it_could_not(
    run: Run, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pings, "_TICK", 0.02)

    def hearing() -> dict[str, Any]:
        with record.claims() as tx:
            return tx.row("SELECT *, now() - heard_at AS silent FROM hearing") or {}

    async def until(heard: Callable[[dict[str, Any]], bool]) -> None:
        async with asyncio.timeout(20):
            while not heard(hearing()):
                await asyncio.sleep(0.02)

    async def scenario() -> None:
        async with run():
            await until(bool)
            with record.claims() as tx:
                tx.run("UPDATE hearing SET heard_at = now() - interval '5 minutes',"
                       " deaf_since = NULL, deaf_until = NULL")  # fmt: skip
                silent = heartbeats.deaf(tx)
            assert silent is not None
            assert silent.until - silent.since >= timedelta(minutes=5)
            await until(lambda row: row["silent"] < timedelta(seconds=5))

    asyncio.run(scenario())
    found = hearing()
    lasted = found["deaf_until"] - found["deaf_since"]
    assert timedelta(minutes=5) <= lasted < timedelta(minutes=6)
    with record.claims() as tx:
        assert heartbeats.deaf(tx) == Deaf(found["deaf_since"], found["deaf_until"])
        tx.run("UPDATE hearing SET deaf_since = NULL, deaf_until = NULL")


def test_keys_stay_out_of_the_access_log(signer: keys.Signer) -> None:
    key = signer.key(1, heartbeats.new_id())
    line = logging.LogRecord(
        "x", 20, "", 1, '%s "%s %s"', ("::1", "GET", f"/ping/{key}/fail"), None
    )
    assert app._without_key(line)
    assert key not in line.getMessage()
    assert "/ping/.../fail" in line.getMessage()
