"""`/ping/{key}`: heartbeats, noted before they are answered, however often they come.

All that come within a moment are written together, one row for each heartbeat.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping, MutableMapping
from typing import Any, NamedTuple

import psycopg

from ingest import answers, bodies, sealing
from tocsin import errors
from tocsin.domain import heartbeats
from tocsin.security import pings
from tocsin.security.crypto import Sealer
from tocsin.storage import heartbeats as stored
from tocsin.storage.record import AsyncRecord

log = logging.getLogger(__name__)

PREFIX = "/ping/"
METHODS = ("GET", "HEAD", "POST")
#: What is kept of what a job says, and of what it calls itself.
MESSAGE_BYTES, AGENT_CHARACTERS = 10 * 1024, 200
#: So long a body is waited for: a sign of life counts, whatever becomes of what it says.
BODY_SECONDS = 5.0
#: Between two transactions; whoever comes first after a pause does not wait.
PACE_SECONDS = 0.05
#: A transaction that takes longer is in doubt: the sender repeats, which changes nothing.
COMMIT_SECONDS = 5.0
_TICK = stored.TICK.total_seconds()
#: So many may wait; whoever comes later is sent away.
WAITING = 2000

UNKNOWN = "there is no heartbeat at this address; `tocsin heartbeat show` has those that there are"


class Waiting(NamedTuple):
    """A ping that is to be written, and who waits for that."""

    tenant: int
    id: str
    came: float
    ping: stored.Ping
    done: asyncio.Future[bool]


class Target(NamedTuple):
    """What an address says."""

    tenant: int
    id: str
    kind: heartbeats.Kind
    status: int | None


class Pings:
    """Takes pings, and says each two seconds that it can."""

    def __init__(self, url: str, sealer: Sealer, signer: pings.Signer) -> None:
        self._record, self._sealer, self._signer = AsyncRecord(url), sealer, signer
        self._waiting: list[Waiting] = []
        self._work = asyncio.Event()
        self._said = float("-inf")
        self.stopping = False

    async def answer(
        self, scope: MutableMapping[str, Any], receive: bodies.Receive
    ) -> answers.Answer:
        """Note the ping. Raises NotFound, MethodNotAllowed, Busy, RecordAway."""
        if scope["method"] not in METHODS:
            raise errors.MethodNotAllowed(", ".join(METHODS))
        target = self._target(scope["path"])
        if len(self._waiting) >= WAITING:
            raise errors.Busy
        said = await _message(receive)
        # By the monotonic clock: what it means for the record is found when it is written.
        came, headers = time.monotonic(), dict(scope["headers"])
        agent = headers.get(b"user-agent", b"").decode("latin-1")
        ping = stored.Ping(target.kind, 0.0, target.status, _client(scope), _printable(agent), said)
        if not await self._store(target, came, ping):
            raise errors.NotFound(UNKNOWN)
        return answers.OK

    async def run(self) -> None:
        """Write what waits, until `stop`; meanwhile say that pings can be taken."""
        while self._waiting or not self.stopping:
            if not self._waiting:
                self._work.clear()
                try:
                    async with asyncio.timeout(_TICK):
                        await self._work.wait()
                except TimeoutError:
                    pass
            batch, self._waiting = self._waiting, []
            await self._write(batch)
            if batch and not self.stopping:
                await asyncio.sleep(PACE_SECONDS)

    def stop(self) -> None:
        """Take nothing more; `run` ends when what waits is written."""
        self.stopping = True
        self._work.set()

    async def close(self) -> None:
        await self._record.close()

    def _target(self, path: str) -> Target:
        key, slash, word = path.removeprefix(PREFIX).partition("/")
        found, meaning = self._signer.read(key), heartbeats.kind_of(word)
        if found is None or meaning is None or bool(slash) is not bool(word):
            raise errors.NotFound(UNKNOWN)
        return Target(*found, *meaning)

    async def _store(self, target: Target, came: float, ping: stored.Ping) -> bool:
        """Whether there is such a heartbeat; returns once it is committed."""
        if self.stopping:  # since the body was waited for: nobody would ever answer
            raise errors.RecordAway
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(target.tenant, target.id, came, ping, done))
        self._work.set()
        return await done

    async def _write(self, batch: list[Waiting]) -> None:
        """Never raises: without this task nobody would be answered any more."""
        if await self._store_all(batch) and time.monotonic() - self._said >= _TICK:
            try:
                async with asyncio.timeout(COMMIT_SECONDS), self._record.session(()) as conn:
                    await stored.hear(conn)
                self._said = time.monotonic()
            except (psycopg.Error, errors.RecordAway, TimeoutError) as error:
                log.debug("nobody is told that pings are taken: %s", type(error).__name__)

    async def _store_all(self, batch: list[Waiting]) -> bool:
        """Write these and let them be answered; False where the record is away."""
        if not batch:
            return True
        try:
            async with asyncio.timeout(COMMIT_SECONDS):
                known = await self._commit(batch)
        except Exception as error:
            if _is_away(error):
                _refuse(batch)
                return False
            await self._apart(batch, error)
            return True
        for each in batch:
            if not each.done.done():
                each.done.set_result((each.tenant, each.id) in known)
        return True

    async def _apart(self, batch: list[Waiting], error: Exception) -> None:
        """What is wrong with one tenant's, such as a row that somebody holds, is its own."""
        tenants = {each.tenant for each in batch}
        if len(tenants) > 1:
            for tenant in sorted(tenants):
                await self._store_all([each for each in batch if each.tenant == tenant])
            return
        log.error("pings of tenant %d cannot be stored: %r", tenants.pop(), error)
        _refuse(batch)

    async def _commit(self, batch: list[Waiting]) -> set[tuple[int, str]]:
        """Once more on a new connection where the old one was dead."""
        try:
            return await self._once(batch)
        except psycopg.errors.LockNotAvailable:
            raise
        except psycopg.OperationalError:
            # A ping that is noted twice is noted once but for its count.
            return await self._once(batch)

    async def _once(self, batch: list[Waiting]) -> set[tuple[int, str]]:
        together: dict[tuple[int, str], list[stored.Ping]] = {}
        now = time.monotonic()
        for each in batch:
            ping = await self._sealed(each.tenant, each.ping)
            aged = ping._replace(ago=max(0.0, now - each.came))
            together.setdefault((each.tenant, each.id), []).append(aged)
        items = [stored.folded(*key, some) for key, some in sorted(together.items())]
        async with self._record.session({tenant for tenant, _ in together}) as conn:
            return await stored.ping_by_id(conn, items)

    async def _sealed(self, tenant: int, ping: stored.Ping) -> stored.Ping:
        """What a job says is its tenant's."""
        if not ping.message:
            return ping._replace(message=None)
        if not self._sealer.ready(tenant):
            await sealing.fetch_keys(self._record, self._sealer, tenant)
        return ping._replace(message=self._sealer.seal(tenant, ping.message))


def _is_away(error: Exception) -> bool:
    held = isinstance(error, psycopg.errors.LockNotAvailable)
    away = isinstance(error, psycopg.OperationalError | errors.RecordAway | TimeoutError)
    return away and not held


def _refuse(batch: list[Waiting]) -> None:
    for each in batch:
        if not each.done.done():
            each.done.set_exception(errors.RecordAway())


async def _message(receive: bodies.Receive) -> bytes:
    """The beginning of the body. What follows is not kept, and nobody waits long for it."""
    body, size, more = bytearray(), 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while more and size <= bodies.MAX_BYTES:
                message = await receive()
                if message["type"] != "http.request":
                    break  # it hung up; that it called at all is what counts
                chunk = message.get("body", b"")
                size += len(chunk)
                body += chunk[: MESSAGE_BYTES - len(body)]
                more = message.get("more_body", False)
    except TimeoutError:
        pass
    return bytes(body)


def _client(scope: Mapping[str, Any]) -> str:
    client = scope.get("client")
    return str(client[0])[:100] if client else ""


def _printable(text: str) -> str:
    return "".join(char for char in text[:AGENT_CHARACTERS] if char.isprintable())
