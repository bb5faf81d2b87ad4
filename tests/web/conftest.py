"""A web application on the real record, and tenants with a token for each scope."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from tests.conftest import Servers
from tests.web import servers as running
from tocsin.config.settings import Settings
from tocsin.security import tokens
from tocsin.storage.record import Record
from tocsin.web import app

SCOPES = ("ingest", "read", "respond", "admin")
OPERATOR = "operators-own"


@dataclass(frozen=True)
class Someone:
    """A tenant, and a token of its own by scope ("revoked" too)."""

    tenant: int
    slug: str
    tokens: dict[str, str]

    def as_(self, scope: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[scope]}"}


@dataclass(frozen=True)
class Web:
    """The client, where it goes, and what rang."""

    client: httpx.Client
    url: str
    rings: list[tuple[str, str]]


@pytest.fixture(scope="session")
def running_web(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    file = tmp_path_factory.mktemp("web") / "metrics.token"
    file.write_text(f"{OPERATOR}\n")
    key = file.with_name("master.key")
    key.write_bytes(base64.b64encode(secrets.token_bytes(32)))
    settings = Settings(
        metrics_token_file=file, public_url="https://tocsin.test", master_key_file=key
    )
    rings: list[tuple[str, str]] = []
    built = app.build(settings, record, lambda actor, queue: rings.append((actor, queue)))
    with (
        running.serving(built) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield Web(client, url, rings)


@pytest.fixture(scope="module", autouse=True)
def nothing_waits(servers: Servers) -> None:
    """Other tests leave work behind that no worker of theirs will ever do: readiness sees it."""
    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        for table in ("inbox", "timer", "delivery"):
            owner.execute(f"TRUNCATE {table}".encode())


@pytest.fixture
def web(running_web: Web) -> Web:
    running_web.rings.clear()
    return running_web


@pytest.fixture
def someone(record: Record, make_tenant: Callable[[], int]) -> Someone:
    return make_someone(record, make_tenant())


@pytest.fixture
def other(record: Record, make_tenant: Callable[[], int]) -> Someone:
    return make_someone(record, make_tenant())


def make_someone(record: Record, tenant: int) -> Someone:
    with record.session([tenant]) as tx:
        found = tx.row("SELECT slug FROM tenant WHERE id = %s", [tenant])
        assert found is not None
        made = {scope: tokens.create(tx, tenant, f"{scope} robot", [scope]) for scope in SCOPES}
        made["revoked"] = tokens.create(tx, tenant, "gone", list(SCOPES))
        tokens.revoke(tx, tenant, tokens.look_up(tx, made["revoked"]).token)
    return Someone(tenant, found["slug"], made)
