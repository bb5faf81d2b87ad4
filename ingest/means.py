"""What sources may use beside the body: the tenant's mappings and secrets, and the way out."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg

from ingest.access import PATIENCE_SECONDS
from ingest.sources._batch import Parsed
from tocsin import errors
from tocsin.config import mapping
from tocsin.config.settings import Settings
from tocsin.storage import policies
from tocsin.storage.record import AsyncRecord

if TYPE_CHECKING:
    import httpx

#: A changed mapping or secret is in force after this.
FRESH_SECONDS = 0.5
#: So many answers of others may be waited for at one time; whoever comes later is sent away.
_OUTSIDE_AT_ONCE = 16
_THREADS = 4
_KEPT, _KEEP_SECONDS = 64, 3600.0
_REMEMBERED = 1000
_SECRET_BYTES = 64 * 1024
_TENANT = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")

Parse = Callable[[bytes, datetime, float], Parsed]


class Call(NamedTuple):
    """A request whose token is good. Names of headers are in lower case."""

    tenant: int
    slug: str
    item: str
    headers: Mapping[bytes, bytes]
    now: datetime
    means: Means


class Means:
    """What the sources of this process share."""

    def __init__(self, settings: Settings, http: httpx.Client | None = None) -> None:
        self.senders = Senders(settings.database_url)
        self.outside = Outside(settings, http)
        self._secrets_dir = settings.secrets_dir
        self._read: dict[tuple[str, str], tuple[str | None, float]] = {}

    async def secret(self, slug: str, name: str) -> str | None:
        """The secret of a tenant, None where it has no such file.

        Raises Forbidden where it has one that cannot be read: what was meant to be checked is.
        """
        if self._secrets_dir is None:
            return None
        found, until = self._read.get((slug, name), (None, 0.0))
        if until < time.monotonic():
            found = await asyncio.to_thread(_secret, self._secrets_dir, slug, name)
            if len(self._read) > _REMEMBERED:
                self._read.clear()
            self._read[slug, name] = found, time.monotonic() + FRESH_SECONDS
        return found

    async def close(self) -> None:
        self.outside.close()
        await self.senders.close()


def _secret(folder: Path, slug: str, name: str) -> str | None:
    path = folder / slug / name
    try:
        if not _TENANT.fullmatch(slug):
            return None
        with path.open("rb") as file:
            found = file.read(_SECRET_BYTES).decode().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError):
        found = ""
    if not found:
        raise errors.Forbidden(
            f"signatures cannot be checked: let the operator make {slug}/{name} below"
            " TOCSIN_SECRETS_DIR readable and not empty, or remove it"
        )
    return found


#: Version (no policy has 0), what it says, and until when that is fresh.
_UNKNOWN: tuple[int | None, mapping.Senders, float] = (0, mapping.Senders(), 0.0)


class Senders:
    """What the policies in force say of senders, compiled once for each version."""

    def __init__(self, url: str) -> None:
        self._record = AsyncRecord(url)
        self._one = asyncio.Lock()
        self._known: dict[int, tuple[int | None, mapping.Senders, float]] = {}

    async def of(self, tenant: int) -> mapping.Senders:
        """Raises RecordAway."""
        _, found, until = self._known.get(tenant, _UNKNOWN)
        if until >= time.monotonic():
            return found
        try:
            async with asyncio.timeout(PATIENCE_SECONDS), self._one:
                return await self._look_up(tenant)
        except (TimeoutError, psycopg.OperationalError):
            raise errors.RecordAway from None

    async def close(self) -> None:
        await self._record.close()

    async def _look_up(self, tenant: int) -> mapping.Senders:
        version, found, until = self._known.get(tenant, _UNKNOWN)
        if until >= time.monotonic():
            return found  # somebody else asked while we waited
        try:
            row = await self._row(tenant, version)
        except psycopg.OperationalError:
            # The connection may have been dead for hours; a new one tells.
            row = await self._row(tenant, version)
        if row is not None and row["version"] != version:
            found = await asyncio.to_thread(mapping.loaded, row["senders"])
            version = row["version"]
        if len(self._known) > _REMEMBERED:
            self._known.clear()
        self._known[tenant] = version, found, time.monotonic() + FRESH_SECONDS
        return found

    async def _row(self, tenant: int, version: int | None) -> psycopg.rows.DictRow | None:
        async with self._record.session([tenant]) as conn:
            done = await conn.execute(policies.SENDERS, [version, tenant])
            return await done.fetchone()


class Outside:
    """Fetches what a sender's own vendor publishes, in threads, by the guarded way out."""

    def __init__(self, settings: Settings, http: httpx.Client | None) -> None:
        self._allow = settings.egress_allow
        self._http = http
        self._making = threading.Lock()
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="ingest-outside")
        self._waiting = 0
        self._kept: dict[str, tuple[bytes, float]] = {}

    async def get(self, url: str, *, keep: bool = False) -> bytes:
        """The body of a 200; with `keep`, the same for an hour.

        Raises Unconfirmed, and Busy where too many wait already.
        """
        body, until = self._kept.get(url, (b"", 0.0))
        if keep and until > time.monotonic():
            return body
        body = await self._asked(url)
        if keep:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            self._kept[url] = body, time.monotonic() + _KEEP_SECONDS
        return body

    async def _asked(self, url: str) -> bytes:
        if self._waiting >= _OUTSIDE_AT_ONCE:
            raise errors.Busy
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._get, url)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)
        if self._http is not None:
            self._http.close()

    def _get(self, url: str) -> bytes:
        # Late: most installations never ask, and need not wait for what is loaded here.
        import httpx

        from tocsin.egress import addresses, guard

        with self._making:
            if self._http is None:
                self._http = guard.client(addresses.networks(self._allow))
        host = httpx.URL(url).host
        try:
            with self._http.stream("GET", url) as response:
                status, body = response.status_code, response.read()
        except (httpx.HTTPError, errors.Permanent) as error:
            said = type(error).__name__
            raise errors.Unconfirmed(f"{host} could not be asked ({said}); send it again") from None
        if status != 200:
            raise errors.Unconfirmed(f"{host} answered {status}; send it again")
        return body
