"""The stream: says what changed, ends with the session and with the server, bears an outage."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from starlette.requests import ClientDisconnect, Request

from tests.conftest import Servers
from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.dashboard.conftest import SignIn
from tocsin import errors
from tocsin.storage.record import Record
from tocsin.web.dashboard import stream, viewers
from tocsin.web.dashboard.stream import Hub


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    """Name and data of each event."""
    name = ""
    for line in lines:
        kind, _, text = line.partition(": ")
        if kind == "event":
            name = text
        elif kind == "data":
            yield name, text


def test_says_what_changed_for_whom(
    sign_in: SignIn, someone: Someone, other: Someone, record: Record
) -> None:
    browser = sign_in(someone, "read")
    with browser.client.stream("GET", "/ui/events", timeout=15) as response:
        events = _events(response.iter_lines())
        assert next(events) == ("hello", "")
        seeds.story(record, other.tenant)
        # The slow topic comes by itself; nothing of the other tenant before it.
        assert next(events) == ("changed", "workers")
        seeds.story(record, someone.tenant)
        data = next(data for _, data in events if data != "workers")
    assert set(data.split()) >= {"incidents", "deliveries"}


def test_ends_with_the_session(
    sign_in: SignIn, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "CHECK", 0.5)
    monkeypatch.setattr(stream, "LOOK", 0.1)
    browser = sign_in(someone)
    with browser.client.stream("GET", "/ui/events", timeout=15) as response:
        lines = response.iter_lines()
        assert next(lines).startswith("retry")
        with httpx.Client(base_url=browser.client.base_url, cookies=browser.client.cookies,
                          trust_env=False) as twin:  # fmt: skip
            proof = twin.get("/ui/now").text.partition('name="proof" value="')[2][:64]
            assert twin.post("/ui/logout", data={"proof": proof}).status_code == 303
        for _ in lines:  # it ends: httpx waits no longer than its time-out
            pass


def test_an_outage_is_borne(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise errors.RecordAway

    hub = Hub(Record(""))
    monkeypatch.setattr(hub, "_look", away)
    monkeypatch.setattr(hub, "_hold", away)
    assert asyncio.run(hub.look(1)) is None
    assert asyncio.run(hub.holds("secret")) is True


def test_so_many_listen_and_no_more() -> None:
    hub = Hub(Record(""))
    for _ in range(stream.MOST_OF_TENANT):
        hub.enter(1)
    with pytest.raises(errors.RecordAway):
        hub.enter(1)
    hub.enter(2)
    for _ in range(stream.MOST_OF_TENANT):
        hub.leave(1)
    assert hub.open.total() == 1


def test_one_more_is_told_to_come_again(
    sign_in: SignIn, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "MOST_OF_TENANT", 0)
    answer = sign_in(someone, "read").client.get("/ui/events")
    assert answer.status_code == 503
    assert "too many pages listen" in answer.text


@pytest.mark.parametrize("asked", [False, True])
def test_who_leaves_before_the_first_byte_holds_no_place(asked: bool) -> None:
    hub = Hub(Record(""))
    request = Request({"type": "http", "app": SimpleNamespace(state=SimpleNamespace(hub=hub))})
    seen = cast(viewers.Viewer, SimpleNamespace(tenant=1, secret="s"))

    async def gone(*_: Any) -> Any:
        raise OSError("the reader has gone")

    async def leave() -> None:
        answer = await stream.events(request, hub.record, seen)
        if asked:
            with contextlib.suppress(OSError, ClientDisconnect):
                await answer({"type": "http", "asgi": {"spec_version": "2.4"}}, gone, gone)

    asyncio.run(leave())
    assert hub.open.total() == 0


def test_the_server_stops_although_somebody_listens(
    servers: Servers, someone: Someone, tmp_path: Path
) -> None:
    key = tmp_path / "master.key"
    key.write_bytes(base64.b64encode(os.urandom(32)))
    environment = {
        **os.environ, "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url,
        "TOCSIN_MASTER_KEY_FILE": str(key),
    }  # fmt: skip
    command = [
        sys.executable, "-m", "uvicorn", "tocsin.serve:app", "--port", "0",
        "--timeout-graceful-shutdown", "60",
    ]  # fmt: skip
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = next(line for line in server.stderr if "running on" in line)
        url = said.partition("running on ")[2].split()[0]
        with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
            signed = client.post("/ui/login", data={"token": someone.tokens["read"]})
            assert signed.status_code == 303
            with client.stream("GET", "/ui/events") as response:
                events = _events(response.iter_lines())
                assert next(events) == ("hello", "")
                server.send_signal(signal.SIGTERM)
                for _ in events:
                    pass
        # Far less than the time that it gives those who do not end by themselves.
        assert server.wait(30) in (0, -signal.SIGTERM)
