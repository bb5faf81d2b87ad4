"""Who is calling: the token from wherever a sender can put it, looked up in the record."""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import time
from collections.abc import Iterable
from typing import NamedTuple

import psycopg

from ingest import sealing
from ingest.clock import Clock
from tocsin import errors
from tocsin.security import tokens
from tocsin.security.crypto import Sealer
from tocsin.storage import tokens as stored
from tocsin.storage.record import AsyncRecord

log = logging.getLogger(__name__)

#: A revoked token still works this long at most.
FRESH_SECONDS = 0.25
#: No answer from the record for so long: it is away.
PATIENCE_SECONDS = 3.0
#: So many different tokens are looked up at once; whoever comes later is sent away.
_LOOKED_UP_AT_ONCE = 2048
_REMEMBERED = 10_000
_LONGEST = 512
#: The same words whether the other tenant exists or not.
OTHER_TENANT = "this token is not for that tenant; use a token of the tenant in the address"


class Credentials(NamedTuple):
    """A token, and the user of basic authentication ("" where there is none)."""

    token: str
    user: str = ""


def credentials(headers: Iterable[tuple[bytes, bytes]], key: str | None) -> Credentials:
    """From the address if a key stands there, else from the one Authorization header.

    Raises NotAuthenticated.
    """
    if key is not None:
        return Credentials(key)
    found = [value for name, value in headers if name == b"authorization"]
    if len(found) != 1 or len(found[0]) > _LONGEST:
        raise errors.NotAuthenticated
    scheme, _, rest = found[0].partition(b" ")
    if scheme.lower() == b"bearer":
        return Credentials(rest.strip().decode("latin-1"))
    if scheme.lower() == b"basic":
        return _basic(rest.strip())
    raise errors.NotAuthenticated


def _basic(encoded: bytes) -> Credentials:
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise errors.NotAuthenticated from None
    if not colon:
        raise errors.NotAuthenticated
    return Credentials(password, user)


def check(caller: tokens.Caller, given: Credentials, tenant: str | None) -> None:
    """Raises Forbidden for the tenant of somebody else, or without the scope."""
    if tenant not in (None, caller.slug) or given.user not in ("", caller.slug):
        raise errors.Forbidden(OTHER_TENANT)
    caller.require("ingest")


class Callers:
    """Looks tokens up, all that wait in one query; found ones are remembered for a moment.

    Unknown tokens are never remembered, so a flood of them costs a hash each and shares the one
    query that is under way. It also fetches the keys of tenants that were not here before.
    """

    def __init__(self, record: AsyncRecord, sealer: Sealer, clock: Clock) -> None:
        self._record, self._sealer, self._clock = record, sealer, clock
        self._known: dict[bytes, tuple[tokens.Caller, float]] = {}
        self._asked: dict[bytes, asyncio.Future[tokens.Caller | None]] = {}
        self._work = asyncio.Event()
        self.stopping = False

    async def find(self, token: str) -> tokens.Caller:
        """Raises NotAuthenticated, RecordAway, Busy."""
        if not token.startswith(tokens.PREFIX) or len(token) > _LONGEST:
            raise errors.NotAuthenticated
        digest = tokens.digest(token)
        caller, until = self._known.get(digest, (None, 0.0))
        if caller is None or until < time.monotonic():
            caller = await self._ask(digest)
        if caller is None:
            raise errors.NotAuthenticated
        return caller

    async def run(self) -> None:
        """Answer what is asked, until `stop`."""
        while not self.stopping:
            await self._work.wait()
            self._work.clear()
            asked, self._asked = self._asked, {}
            if asked:
                await self._answer(asked)

    def stop(self) -> None:
        self.stopping = True
        self._work.set()

    async def _ask(self, digest: bytes) -> tokens.Caller | None:
        answer = self._asked.get(digest)
        if answer is None:
            if len(self._asked) >= _LOOKED_UP_AT_ONCE:
                raise errors.Busy
            answer = self._asked[digest] = asyncio.get_running_loop().create_future()
            self._work.set()
        try:
            # Shielded: others may wait for the same answer.
            return await asyncio.wait_for(asyncio.shield(answer), PATIENCE_SECONDS)
        except TimeoutError:
            raise errors.RecordAway from None

    async def _answer(self, asked: dict[bytes, asyncio.Future[tokens.Caller | None]]) -> None:
        try:
            found = await self._look_up(list(asked))
        except Exception as error:
            log.warning("tokens cannot be looked up: %s", type(error).__name__, exc_info=error)
            for answer in asked.values():
                answer.set_exception(errors.RecordAway())
                answer.exception()  # its askers may all be gone: that is no lost error
            return
        until = time.monotonic() + FRESH_SECONDS
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        for digest, answer in asked.items():
            caller = found.get(digest)
            if caller is None:
                self._known.pop(digest, None)
            else:
                self._known[digest] = caller, until
            answer.set_result(caller)

    async def _look_up(self, digests: list[bytes]) -> dict[bytes, tokens.Caller]:
        try:
            rows = await self._rows(digests)
        except psycopg.OperationalError:
            # The connection may have been dead for hours; a new one tells.
            rows = await self._rows(digests)
        found = {
            bytes(row["hash"]): tokens.caller(row) for row in rows if row["tenant"] is not None
        }
        for tenant in {caller.tenant for caller in found.values()}:
            if not self._sealer.ready(tenant):
                await sealing.fetch_keys(self._record, self._sealer, tenant)
        return found

    async def _rows(self, digests: list[bytes]) -> list[psycopg.rows.DictRow]:
        async with self._record.session(()) as conn:
            rows = await (await conn.execute(stored.LOOKUP_ALL, [digests])).fetchall()
        self._clock.learn(rows[0]["now"])
        return rows
