"""A tenant with a token, and the ingest running on the real record."""

from __future__ import annotations

import base64
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest
import zstandard

from ingest import app as ingest_app
from tests.conftest import Servers
from tests.ingest import batches
from tocsin.config.settings import Settings
from tocsin.security import crypto, tokens
from tocsin.storage.record import Record


@dataclass(frozen=True)
class Tenant:
    """A tenant of one test, and a token of it that may ingest."""

    id: int
    slug: str
    token: str

    @property
    def bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Run(Protocol):
    """Runs the ingest; yields it and a client of it."""

    def __call__(
        self, ring: Callable[[], object] = ..., **settings: Any
    ) -> AbstractAsyncContextManager[tuple[ingest_app.Ingest, httpx.AsyncClient]]: ...


@pytest.fixture
def tenant(record: Record, make_tenant: Callable[[], int]) -> Tenant:
    return new_tenant(record, make_tenant)


@pytest.fixture
def neighbour(record: Record, make_tenant: Callable[[], int]) -> Tenant:
    return new_tenant(record, make_tenant)


def new_tenant(record: Record, make_tenant: Callable[[], int]) -> Tenant:
    number = make_tenant()
    with record.session([number]) as tx:
        (row,) = tx.rows("SELECT slug FROM tenant")
        return Tenant(number, row["slug"], tokens.create(tx, number, "test", ["ingest"]))


@pytest.fixture(scope="session")
def master_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("key") / "master.key"
    file.write_bytes(base64.b64encode(secrets.token_bytes(32)))
    return file


@pytest.fixture
def settings(servers: Servers, master_key: Path) -> Settings:
    return Settings.model_validate(
        {
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "master_key_file": master_key,
        }
    )


@pytest.fixture
def run(settings: Settings) -> Run:
    @asynccontextmanager
    async def running(
        ring: Callable[[], object] = lambda: None, **changed: Any
    ) -> AsyncIterator[tuple[ingest_app.Ingest, httpx.AsyncClient]]:
        ingest = ingest_app.build(settings.model_copy(update=changed), ring)
        await ingest.start()
        transport = httpx.ASGITransport(ingest)
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://tocsin") as client:
                yield ingest, client
        finally:
            await ingest.stop()

    return running


@pytest.fixture
def stored(record: Record, master_key: Path) -> Callable[[Tenant], batches.Stored]:
    """What the record holds of a tenant, opened."""
    sealer = crypto.from_file(master_key)

    def look(tenant: Tenant) -> batches.Stored:
        with record.session([tenant.id]) as tx:
            intake = tx.rows("SELECT * FROM intake ORDER BY id")
            opened = [
                batches.DECODER.decode(
                    zstandard.decompress(sealer.open(tx, tenant.id, row["body"]))
                )
                for row in intake
            ]
            return batches.Stored(
                opened,
                tx.rows("SELECT * FROM inbox ORDER BY id"),
                [
                    row | {"body": sealer.open(tx, tenant.id, row["body"])}
                    for row in tx.rows("SELECT * FROM quarantine ORDER BY id")
                ],
                {
                    (row["name"], row["labels"]): row["value"]
                    for row in tx.rows(
                        "SELECT name, labels, sum(value) AS value FROM tally GROUP BY 1, 2"
                    )
                },
            )

    return look


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Not tmp_path: the path of a socket may have about 100 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="wire-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def environment(settings: Settings) -> dict[str, str]:
    return os.environ | {
        "DATABASE_URL": settings.database_url,
        "REDIS_URL": settings.redis_url,
        "TOCSIN_MASTER_KEY_FILE": str(settings.master_key_file),
    }
