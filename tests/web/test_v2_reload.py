"""POST /-/reload: the policy file of the tenant is in force when the answer comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.web import servers as running
from tests.web.conftest import Someone, Web
from tocsin.config.settings import Settings
from tocsin.security import audit
from tocsin.storage import policies
from tocsin.storage.record import Record
from tocsin.web import app

FIRST = "route: {receiver: a}\nreceivers: [{name: a}]\n"
SECOND = "route: {receiver: b}\nreceivers: [{name: b}]\n"
BROKEN = "route: {receiver: c}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def rings() -> list[tuple[str, str]]:
    return []


@pytest.fixture
def client(record: Record, folder: Path, rings: list[tuple[str, str]]) -> Iterator[httpx.Client]:
    """The web of an installation that looks after a folder of policies."""
    built = app.build(
        Settings(policy_dir=folder), record, lambda actor, queue: rings.append((actor, queue))
    )
    with running.serving(built) as url, httpx.Client(base_url=url, trust_env=False) as client:
        yield client


def stored(record: Record, who: Someone) -> list[tuple[str, str]]:
    with record.session([who.tenant]) as tx:
        return [(row["document"], row["author"]) for row in policies.every(tx, who.tenant)]


def test_a_changed_file_is_put_in_force_once(
    client: httpx.Client, record: Record, someone: Someone, folder: Path,
    rings: list[tuple[str, str]],
) -> None:  # fmt: skip
    file = folder / f"{someone.slug}.yml"
    file.write_text(FIRST)
    for path in ("/-/reload", f"/t/{someone.slug}/-/reload"):
        done = client.post(path, headers=someone.as_("admin"))
        assert (done.status_code, done.content) == (200, b"")
    file.write_text(SECOND)
    assert client.post("/-/reload", headers=someone.as_("admin")).status_code == 200
    assert ("reroute", "pipeline") in rings
    author = f"file:{someone.slug}.yml"
    assert stored(record, someone) == [(FIRST, author), (SECOND, author)]
    with record.session([someone.tenant]) as tx:
        acts = tx.rows("SELECT act FROM audit WHERE tenant = %s ORDER BY seq", [someone.tenant])
        assert [row["act"] for row in acts][-2:] == ["config.apply"] * 2
        assert audit.verify(tx, someone.tenant) is None
    found = client.get("/api/v2/receivers", headers=someone.as_("read")).json()
    assert found == [{"name": "b"}]


def test_it_takes_over_from_what_was_applied_by_hand(
    client: httpx.Client, record: Record, someone: Someone, folder: Path
) -> None:
    (folder / f"{someone.slug}.yml").write_text(FIRST)
    client.post("/-/reload", headers=someone.as_("admin")).raise_for_status()
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, SECOND, "ann")
    client.post("/-/reload", headers=someone.as_("admin")).raise_for_status()
    with record.session([someone.tenant]) as tx:
        current = policies.current(tx, someone.tenant)
    assert current is not None
    assert (current["version"], current["document"]) == (3, FIRST)


def test_a_broken_file_changes_nothing_and_says_why(
    client: httpx.Client, record: Record, someone: Someone, folder: Path
) -> None:
    file = folder / f"{someone.slug}.yml"
    file.write_text(FIRST)
    client.post("/-/reload", headers=someone.as_("admin")).raise_for_status()
    file.write_text(BROKEN)
    refused = client.post("/-/reload", headers=someone.as_("admin"))
    assert refused.status_code == 500
    assert refused.headers["Content-Type"].startswith("text/plain")
    assert refused.text.startswith("failed to reload config: ")
    assert "there is no receiver `c`" in refused.text
    assert [document for document, _ in stored(record, someone)] == [FIRST]
    with record.session([someone.tenant]) as tx:
        assert "there is no receiver" in (policies.problem(tx, someone.tenant) or "")
    file.write_text(FIRST)
    client.post("/-/reload", headers=someone.as_("admin")).raise_for_status()
    with record.session([someone.tenant]) as tx:
        assert policies.problem(tx, someone.tenant) is None


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_no_file_and_one_that_is_no_text(
    client: httpx.Client, someone: Someone, folder: Path, content: bytes | None
) -> None:
    if content is not None:
        (folder / f"{someone.slug}.yml").write_bytes(content)
    refused = client.post("/-/reload", headers=someone.as_("admin"))
    assert refused.status_code == 500
    assert refused.text.startswith("failed to reload config: ")
    assert (content is None) is ("TOCSIN_POLICY_DIR" in refused.text)


def test_without_a_folder_it_says_what_to_do(web: Web, someone: Someone) -> None:
    refused = web.client.post("/-/reload", headers=someone.as_("admin"))
    assert refused.status_code == 500
    assert "PUT /api/v1/policy" in refused.text


def test_only_an_admin_and_only_ones_own_file(
    client: httpx.Client, record: Record, someone: Someone, other: Someone, folder: Path
) -> None:
    (folder / f"{someone.slug}.yml").write_text(FIRST)
    (folder / f"{other.slug}.yml").write_text(SECOND)
    assert client.post("/-/reload").status_code == 401
    for scope in ("ingest", "read", "respond"):
        assert client.post("/-/reload", headers=someone.as_(scope)).status_code == 403
    foreign = client.post(f"/t/{other.slug}/-/reload", headers=someone.as_("admin"))
    assert foreign.status_code == 403
    assert stored(record, someone) == stored(record, other) == []
    client.post("/-/reload", headers=someone.as_("admin")).raise_for_status()
    assert stored(record, other) == []
    assert client.get("/-/reload", headers=someone.as_("admin")).headers["Allow"] == "POST"


@pytest.mark.parametrize("path", ["/-/healthy", "/t/acme/-/healthy"])
def test_health_is_the_same_below_a_tenant_and_tells_nothing_of_it(web: Web, path: str) -> None:
    assert web.client.get(path).text == "OK"
    assert web.client.head(path).status_code == 200
