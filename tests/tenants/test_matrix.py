"""One tenant tries everything against another; then again, and RLS alone stands between them.

ASVS 8.2.2, 8.3.1, 8.4.1 (access to data of others), OWASP API1 (object level authorisation).
"""

from __future__ import annotations

import base64
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from tests.conftest import Servers
from tests.tenants import matrix, unfiltered
from tests.tenants.crowd import Citizen, Founder
from tests.web import servers as running
from tests.web.conftest import make_someone
from tocsin import serve
from tocsin.config.settings import Settings
from tocsin.security import links
from tocsin.storage import record as storage
from tocsin.storage.record import Record

pytestmark = pytest.mark.timeout(600)
MASTER = b"t" * 32
#: The server hangs up on who says nothing for five seconds, which a busy machine may need.
FRESH = httpx.Limits(keepalive_expiry=2)
#: What tells two answers apart that say the same: when, and under which number.
OWN = re.compile(
    r'"trace_id": ?"[0-9a-f]{32}"|trace[ -]id[^0-9a-f]{0,40}[0-9a-f]{32}|[0-9a-f]{32,64}'
)
SNAPSHOT = """
SELECT relname AS name FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant' AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition AND relname NOT IN ('sitting', 'token') ORDER BY 1
"""


@dataclass
class Thief:
    """Plays what is tried and notes what went wrong."""

    client: httpx.Client
    me: Citizen
    them: Citizen
    browsers: dict[str, tuple[httpx.Client, str]]
    count: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    leaks: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def play(self, each: matrix.Try) -> None:
        found = self._ask(each)
        if each.gone and found.status_code not in each.gone:
            self.faults.append(f"{found.status_code} {each.scope} {each.method} {each.path}")
        if each.twin is None:
            return
        twin = self._ask(each.twin)
        # A page shows the time and more that moves on: of it the kind of answer must be alike.
        parts = 2 if each.place == "ui" else 3
        if _bare(found, each.named)[:parts] != _bare(twin, each.named)[:parts]:
            self.faults.append(
                f"unlike: {each.scope} {each.method} {each.path}:"
                f" {found.status_code} {twin.status_code}"
            )

    def _ask(self, each: matrix.Try) -> httpx.Response:
        headers = dict(each.headers)
        if each.place == "ui":
            client, proof = self.browsers[each.scope]
            body = {**each.body, "proof": proof} if each.body is not None else None
            found = _asked(
                client, each.method, each.path, headers=headers, params=each.params or None,
                data=body,
            )  # fmt: skip
        else:
            if each.scope:
                headers |= self.me.who.as_(each.scope)
            found = _asked(
                self.client, each.method, each.path, headers=headers, params=each.params or None,
                json=each.body,
            )  # fmt: skip
        self.count += 1
        self.statuses[found.status_code] += 1
        if self.them.canary in found.text or self.them.canary in str(found.headers):
            self.leaks.append(f"{each.scope} {each.method} {each.path} {each.params}")
        if found.status_code >= 500:
            self.faults.append(f"{found.status_code} {each.method} {each.path} {each.body}")
        return found


def _asked(client: httpx.Client, method: str, path: str, **options: Any) -> httpx.Response:
    """Once more where the answer was lost: who is refused before its body is read may find the
    connection closed under what it still sends."""
    try:
        return client.request(method, path, **options)
    except (httpx.ReadError, httpx.RemoteProtocolError):
        pass
    try:
        return client.request(method, path, **options)
    except httpx.RemoteProtocolError:  # an answer that broke off before its first byte
        return httpx.Response(500)


def _bare(found: httpx.Response, named: tuple[str, ...]) -> tuple[int, list[str], str]:
    """An answer without what it was asked for, and when."""
    text = found.text
    for name in named:
        text = text.replace(name, "ID")
    headers = sorted(name for name in found.headers if name != "content-length")
    return found.status_code, headers, OWN.sub("OWN", text)


@pytest.fixture(scope="module")
def served(
    servers: Servers, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[httpx.Client, str]]:
    """Ingest and web in one, as `tocsin up` serves them."""
    key: Path = tmp_path_factory.mktemp("thief") / "master.key"
    key.write_bytes(base64.b64encode(MASTER))
    settings = Settings.model_validate({
        "DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url,
        "master_key_file": key, "public_url": "http://tocsin.test",
    })  # fmt: skip
    with (
        running.serving(serve.Served(settings)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60, limits=FRESH) as client,
    ):
        yield client, url


@pytest.fixture
def thief(
    served: tuple[httpx.Client, str], record: Record, make_tenant: Callable[[], int]
) -> Iterator[Thief]:
    client, url = served
    founder = Founder(client, record, links.Signer(MASTER))
    them, me = (founder.found(make_someone(record, make_tenant())) for _ in range(2))
    browsers = {scope: _signed_in(url, me, scope) for scope in ("read", "respond", "admin")}
    yield Thief(client, me, them, browsers)
    for browser, _ in browsers.values():
        browser.close()


def _signed_in(url: str, me: Citizen, scope: str) -> tuple[httpx.Client, str]:
    browser = httpx.Client(base_url=url, trust_env=False, timeout=60, limits=FRESH)
    entered = browser.post("/ui/login", data={"token": me.who.tokens[scope]})
    assert entered.status_code == 303
    proof = re.search(r'name="proof" value="([0-9a-f]{64})"', browser.get("/ui/now").text)
    assert proof is not None
    return browser, proof[1]


def owned(record: Record, tenant: int) -> dict[str, list[str]]:
    """All that a tenant has, as text."""
    with record.session([tenant]) as tx:
        return {
            row["name"]: sorted(str(each) for each in tx.rows(f"SELECT * FROM {row['name']}"))
            for row in tx.rows(SNAPSHOT)
        }


def plundered(thief: Thief, record: Record, scopes: tuple[str, ...]) -> None:
    """Everything was tried; nothing was seen, nothing was touched, nobody learned what there is."""
    before = owned(record, thief.them.tenant)
    with structlog.testing.capture_logs() as logged:
        for each in matrix.tries(thief.me, thief.them, scopes):
            thief.play(each)
    assert thief.leaks == []
    assert not thief.faults, "\n".join(thief.faults)
    assert [line for line in logged if thief.them.canary in str(line)] == []
    assert owned(record, thief.them.tenant) == before


def test_nothing_of_another_tenant_is_seen_or_touched(thief: Thief, record: Record) -> None:
    plundered(thief, record, matrix.SCOPES)
    assert thief.count >= 2000
    assert {200, 401, 403, 404} <= thief.statuses.keys()


def test_row_level_security_alone_holds_too(
    thief: Thief, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = unfiltered.open_all(monkeypatch)
    plundered(thief, record, ("admin",))
    assert len(set(without)) > 50, "the filters were not switched off"


def test_the_matrix_would_notice(thief: Thief, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without filters and without RLS, the same requests bring the other tenant's word out."""
    begin, both = storage._begin, [thief.me.tenant, thief.them.tenant]

    def loose(tenants: Any) -> bytes:
        return begin(both if list(tenants) else ())

    unfiltered.open_all(monkeypatch)
    monkeypatch.setattr(storage, "_begin", loose)
    for each in matrix.tries(thief.me, thief.them, ("read",)):
        if each.method == "GET" and each.scope == "read":
            thief.play(each)
    assert len(thief.leaks) > 10
    assert thief.faults
