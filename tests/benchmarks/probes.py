"""How long it takes from the post of a new alert to the message about it at a webhook."""

from __future__ import annotations

import asyncio
import json
import random
import re
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.benchmarks import systems

_ID = re.compile(rb"probe-[0-9a-f]{16}")
_TAKEN = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
#: How long to wait for messages after the last post.
PATIENCE_SECONDS = 15.0


class Hook:
    """A receiver of webhooks that notes when it first heard of each probe (perf_counter)."""

    def __init__(self) -> None:
        self.heard: dict[bytes, float] = {}

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[Hook]:
        server = await asyncio.start_server(self._serve, systems.HOST, port)
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                body = await _body(reader, await reader.readuntil(b"\r\n\r\n"))
                now = time.perf_counter()
                for id in set(_ID.findall(body)):
                    self.heard.setdefault(id, now)
                writer.write(_TAKEN)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass  # the sender went away, or the bench is done with it
        finally:
            writer.close()


async def latencies(
    target: systems.Target, hook_port: int, per_second: float, seconds: float
) -> list[float | None]:
    """Seconds from each post to its message, sorted; None for those that never came, at the end.

    The pauses vary, so that no poller's rhythm is met or missed each time.
    """
    async with Hook().listening(hook_port) as hook:
        reader, writer = await asyncio.open_connection(systems.HOST, target.port)
        sent: dict[bytes, float] = {}
        rng = random.Random(1)
        for _ in range(int(per_second * seconds)):
            await asyncio.sleep(rng.uniform(0.5, 1.5) / per_second)
            id = b"probe-" + secrets.token_hex(8).encode()
            sent[id] = time.perf_counter()
            await _post(reader, writer, _request(target, id))
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not sent.keys() <= hook.heard.keys() and time.monotonic() < deadline:
            await asyncio.sleep(0.02)
        writer.close()
    took = sorted(hook.heard[id] - since for id, since in sent.items() if id in hook.heard)
    return [*took, *[None] * (len(sent) - len(took))]


def percentile(sorted_values: list[float | None], share: float) -> float | None:
    """The smallest value that so large a share does not exceed; None if that one never came."""
    place = min(len(sorted_values) - 1, int(len(sorted_values) * share))
    return sorted_values[place]


async def _post(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> None:
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    await _body(reader, head)
    if head[9:12] != b"200":
        raise RuntimeError(f"a probe was answered: {head.decode('latin-1')}")


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    length = _LENGTH.search(head)
    return await reader.readexactly(int(length[1])) if length else b""


def _request(target: systems.Target, id: bytes) -> bytes:
    labels = {"alertname": "Probe", "cluster": "prod-eu-1", "instance": id.decode(),
              "job": "blackbox", "namespace": "team-00", "probe": "1", "service": "service-00",
              "severity": "critical"}  # fmt: skip
    alert = {"labels": labels, "annotations": {"summary": "a probe that measures the latency"}}
    body = json.dumps([alert]).encode()
    head = (
        f"POST {systems.PATH} HTTP/1.1\r\nHost: {systems.HOST}:{target.port}\r\n"
        f"Authorization: Bearer {target.tokens[0]}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
