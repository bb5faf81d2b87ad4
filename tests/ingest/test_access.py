"""Who may post where: every way to give a token, against every kind of caller and address."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable

import httpx
import pytest

from ingest import access, app, routes
from tests.ingest.conftest import Run, Tenant
from tocsin import errors, plugins
from tocsin.security import tokens
from tocsin.storage.record import Record

PATHS = ("/webhooks/alertmanager", "/webhooks/grafana", "/api/v2/alerts", "/api/v1/alerts")


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def post(run: Run, *requests: tuple[str, dict[str, str]]) -> list[httpx.Response]:
    async def scenario() -> list[httpx.Response]:
        async with run() as (_, client):
            return [
                await client.post(path, content=b"[]", headers=headers)
                for path, headers in requests
            ]

    return asyncio.run(scenario())


@pytest.mark.parametrize("path", PATHS)
def test_every_way_to_give_a_valid_token_is_taken(run: Run, tenant: Tenant, path: str) -> None:
    ways = [
        (path, tenant.bearer),
        (path, {"Authorization": f"bearer  {tenant.token}"}),
        (path, basic("", tenant.token)),
        (path, basic(tenant.slug, tenant.token)),
        (f"/t/{tenant.slug}{path}", tenant.bearer),
        (f"/i/{tenant.token}{path}", {}),
        (f"/t/{tenant.slug}/i/{tenant.token}{path}", {}),
        (f"/i/{tenant.token}/alertmanager", {}),
        (f"/t/{tenant.slug}/i/{tenant.token}/native", {}),
    ]
    assert [each.status_code for each in post(run, *ways)] == [200] * len(ways)


@pytest.mark.parametrize("path", PATHS)
def test_without_a_valid_token_nobody_gets_in(run: Run, tenant: Tenant, path: str) -> None:
    unknown = "toc_" + "x" * 43
    ways: list[tuple[str, dict[str, str]]] = [
        (path, {}),
        (path, {"Authorization": f"Bearer {unknown}"}),
        (path, {"Authorization": "Bearer "}),
        (path, {"Authorization": "Bearer"}),
        (path, {"Authorization": tenant.token}),
        (path, {"Authorization": f"Token {tenant.token}"}),
        (path, {"Authorization": f"Bearer {tenant.token}x"}),
        (path, {"Authorization": f"Bearer {tenant.token[4:]}"}),
        (path, {"Authorization": "Bearer " + "x" * 10_000}),
        (path, {"Authorization": "Basic !!!"}),
        (path, {"Authorization": "Basic " + base64.b64encode(tenant.token.encode()).decode()}),
        (path, {"Authorization": "Basic " + base64.b64encode(b"\xff:\xff").decode()}),
        (path, basic(tenant.token, "")),
        (f"/i/{unknown}{path}", tenant.bearer),
        (f"/t/{tenant.slug}{path}", {}),
    ]
    for answer in post(run, *ways):
        assert answer.status_code == 401
        assert answer.headers.get_list("www-authenticate") == [
            'Bearer realm="tocsin"',
            'Basic realm="tocsin"',
        ]
        assert tenant.token not in answer.text
        assert unknown not in answer.text


def test_two_authorization_headers_are_one_too_many(run: Run, tenant: Tenant) -> None:
    async def scenario() -> httpx.Response:
        async with run() as (_, client):
            value = tenant.bearer["Authorization"]
            headers = [("Authorization", value), ("Authorization", value)]
            return await client.post(PATHS[0], content=b"[]", headers=headers)

    assert asyncio.run(scenario()).status_code == 401


@pytest.mark.parametrize("path", PATHS)
def test_another_tenant_is_refused_alike_whether_it_exists_or_not(
    run: Run, tenant: Tenant, neighbour: Tenant, path: str
) -> None:
    answers = post(
        run,
        (f"/t/{neighbour.slug}{path}", tenant.bearer),
        (f"/t/nobody-has-this{path}", tenant.bearer),
        (f"/t/{neighbour.slug}/i/{tenant.token}{path}", {}),
        (f"/t/nobody-has-this/i/{tenant.token}{path}", {}),
        (path, basic(neighbour.slug, tenant.token)),
        (path, basic("nobody-has-this", tenant.token)),
    )
    assert {answer.status_code for answer in answers} == {403}
    assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize(
    ("scopes", "status"),
    [
        (["ingest"], 200),
        (["admin"], 200),
        (["read"], 403),
        (["respond"], 403),
        (["read", "respond"], 403),
    ],
)
def test_a_token_needs_the_scope(
    run: Run, tenant: Tenant, record: Record, scopes: list[str], status: int
) -> None:
    with record.session([tenant.id]) as tx:
        token = tokens.create(tx, tenant.id, "other", scopes)
    for answer in post(run, *((path, {"Authorization": f"Bearer {token}"}) for path in PATHS)):
        assert answer.status_code == status
        assert token not in answer.text


def test_the_address_comes_before_the_token_and_the_token_before_the_body(
    run: Run, tenant: Tenant
) -> None:
    async def scenario() -> None:
        async with run() as (_, client):
            assert (await client.post("/nowhere")).status_code == 404
            assert (await client.put(PATHS[0])).status_code == 405
            huge = {"Content-Length": str(1 << 40)}
            assert (await client.post(PATHS[0], content=b"", headers=huge)).status_code == 401
            known = huge | tenant.bearer
            assert (await client.post(PATHS[0], content=b"", headers=known)).status_code == 413

    asyncio.run(scenario())


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
@pytest.mark.parametrize("path", PATHS)
def test_only_post_is_for_us(run: Run, tenant: Tenant, method: str, path: str) -> None:
    async def scenario() -> httpx.Response:
        async with run() as (_, client):
            headers = tenant.bearer | {"X-HTTP-Method-Override": "POST"}
            return await client.request(method, path, headers=headers)

    answer = asyncio.run(scenario())
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


def test_health_needs_no_token(run: Run) -> None:
    async def scenario() -> None:
        async with run() as (_, client):
            for path in routes.HEALTH:
                assert (await client.get(path)).text == "OK"
                head = await client.head(path)
                assert (head.status_code, head.content) == (200, b"")
                wrong = await client.post(path)
                assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD")

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "//webhooks/alertmanager",
        "/webhooks/alertmanager/",
        "/webhooks/..;/alertmanager",
        "/webhooks/../webhooks/alertmanager",
        "/webhooks/alertmanager\0",
        "/t//webhooks/alertmanager",
        "/t/../b/webhooks/alertmanager",
        "/t/a/t/a/webhooks/alertmanager",
        "/i//webhooks/alertmanager",
        "/i//alertmanager",
        "/i/toc_x",
        "/i/toc_x/",
        "/i/toc_x/nothing",
        "/i/toc_x/t/a/webhooks/alertmanager",
        "/alertmanager",
        "/t/a/alertmanager",
        "/t",
        "/i/",
    ],
)
def test_an_address_is_taken_to_the_letter(path: str) -> None:
    with pytest.raises(errors.NotFound):
        routes.find(routes.table(), path)


def test_two_sources_may_not_want_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    sources = plugins.load("ingest.sources")
    monkeypatch.setattr(sources["native"], "PATHS", sources["prometheus"].PATHS)
    with pytest.raises(errors.SetupError, match="two sources answer"):
        routes.table()


def test_the_access_log_of_the_server_never_shows_a_key(caplog: pytest.LogCaptureFixture) -> None:
    log = logging.getLogger("uvicorn.access")
    log.addFilter(app._without_key)
    with caplog.at_level(logging.INFO):
        log.info("%s %s %d", "POST", "/t/a/i/toc_secret/native?x=1", 200)
        log.info("started")
    assert "toc_secret" not in caplog.text
    assert "/t/a/i/.../native" in caplog.text


def test_a_look_up_that_nobody_awaits_any_more_is_no_lost_error(run: Run) -> None:
    async def scenario() -> None:
        async with run() as (ingest, _):
            asking = asyncio.create_task(ingest._callers.find("toc_x"))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            with pytest.raises(errors.NotAuthenticated):
                await ingest._callers.find("toc_x")

    asyncio.run(scenario())


def test_the_memory_of_tokens_is_bounded(
    run: Run, record: Record, make_tenant: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(access, "_REMEMBERED", 2)
    number = make_tenant()
    with record.session([number]) as tx:
        made = [tokens.create(tx, number, str(n), ["ingest"]) for n in range(8)]

    async def scenario() -> None:
        async with run() as (ingest, _):
            for token in made:
                assert (await ingest._callers.find(token)).tenant == number
            assert len(ingest._callers._known) <= 3

    asyncio.run(scenario())
