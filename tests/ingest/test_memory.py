"""However much arrives at once, the ingest stays within its memory, and says so with a status."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import bodies
from tests.ingest.conftest import Tenant, environment
from tests.ingest.test_server import wait_for
from tocsin.config.settings import Settings

AT_ONCE = 100
MOST_RSS = 300 * 1024 * 1024
PATH = "/api/v2/alerts"


@pytest.fixture
def server(settings: Settings) -> Iterator[tuple[int, int]]:
    """A real ingest as the Procfile starts it: its port and its process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    program = [sys.executable, "-m", "uvicorn", "ingest.app:app", "--port", str(port),
               "--no-access-log", "--log-level", "warning"]  # fmt: skip
    with subprocess.Popen(program, env=environment(settings)) as process:
        try:
            wait_for(port)
            yield port, process.pid
        finally:
            process.terminate()


def full(alerts: int) -> bytes:
    """A body of as many bytes as are allowed."""
    room = bodies.MAX_BYTES // alerts - 80
    some = [
        {"labels": {"alertname": f"Large{n}"}, "annotations": {"text": chr(97 + n % 26) * room}}
        for n in range(alerts)
    ]
    body = json.dumps(some).encode()
    assert 0.9 * bodies.MAX_BYTES < len(body) <= bodies.MAX_BYTES
    return body


def largest(process: int) -> int:
    """The most memory that the process ever had, in bytes."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


async def send(port: int, token: str, body: bytes, encoding: str) -> int:
    """The status of the answer; 0 where the connection ended without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n" \
        f"Content-Length: {len(body)}\r\nConnection: close\r\n{encoding}\r\n"  # fmt: skip
    try:
        writer.write(head.encode())
        writer.write(body)
        await writer.drain()
        line = await reader.readline()
        return int(line.split()[1]) if line else 0
    except ConnectionError:
        return 0
    finally:
        writer.close()


def crowd(port: int, token: str, some: list[tuple[bytes, str]]) -> Counter[int]:
    """What senders hear who all come at the same moment: bodies and how they are encoded."""

    async def scenario() -> list[int]:
        return await asyncio.gather(*(send(port, token, *each) for each in some))

    return Counter(asyncio.run(scenario()))


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="measured with /proc")
def test_a_hundred_large_bodies_and_bombs_at_once_stay_within_300_megabytes(
    server: tuple[int, int], tenant: Tenant
) -> None:
    port, process = server
    packed, few, many = "Content-Encoding: gzip\r\n", full(10), full(5000)
    bomb = gzip.compress(b"[" + b" " * 4 * bodies.MAX_BYTES, 1)
    kinds = [(few, ""), (many, ""), (gzip.compress(many, 1), packed), (bomb, packed)]
    heard = crowd(port, tenant.token, kinds * (AT_ONCE // len(kinds)))
    assert largest(process) < MOST_RSS, heard
    # A connection that is ended while its body is under way may not see the answer.
    assert set(heard) <= {200, 408, 413, 503, 0}, heard
    assert heard[200] > 0
