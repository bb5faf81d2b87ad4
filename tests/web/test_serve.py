"""One port for both: alerts that are posted go to the ingest, all else to the web."""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from tests.conftest import Servers
from tests.web.conftest import Someone
from tests.web.servers import serving
from tocsin.config.settings import Settings
from tocsin.serve import Served


@pytest.fixture
def both(servers: Servers, tmp_path: Path) -> Iterator[httpx.Client]:
    key = tmp_path / "master.key"
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    settings = Settings(
        DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url, master_key_file=key
    )
    with (
        serving(Served(settings)) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield client


def test_each_goes_where_it_belongs(both: httpx.Client, someone: Someone) -> None:
    alert = {"labels": {"alertname": "A"}}
    for path in ("/api/v1/alerts", f"/t/{someone.slug}/api/v1/alerts", "/api/v2/alerts"):
        posted = both.post(path, json=[alert], headers=someone.as_("ingest"))
        assert posted.status_code == 200, posted.text
    assert both.post("/api/v1/alerts", json=[alert]).status_code == 401
    listed = both.get("/api/v1/alerts", headers=someone.as_("read"))
    assert listed.json() == {"items": [], "next": None}
    assert both.get("/-/healthy").text == "OK"
    assert both.get("/docs").status_code == 200
    assert both.post("/nothing").status_code == 404
    called = both.post(f"/t/{someone.slug}/callbacks/sms/reply", content=b"x" * 100_000)
    assert called.status_code == 404
    assert "not signed" in called.json()["detail"]


def test_a_key_in_the_address_is_not_for_the_web(both: httpx.Client, someone: Someone) -> None:
    token = someone.tokens["ingest"]
    for path in (f"/i/{token}/alertmanager", f"/i/{token}/nothing", f"/t/x/i/{token}/nothing",
                 f"/ping/{token}", f"/ping/{token}/fail"):  # fmt: skip
        found = both.get(path)
        assert found.status_code in (404, 405)
        assert token not in found.text


def test_without_a_master_key_it_does_not_start(servers: Servers) -> None:
    settings = Settings(DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url)
    server = uvicorn.Server(uvicorn.Config(Served(settings), port=0, ws="none", log_config=None))
    with pytest.raises(SystemExit):
        server.run()
    assert not server.started
