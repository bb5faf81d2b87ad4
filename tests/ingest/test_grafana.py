"""Grafana's signature: asked of whoever has the secret of the tenant, and of nobody else."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import httpx
import pytest

from tests.ingest import batches
from tests.ingest.conftest import Run, Tenant
from tocsin.security import signatures

SECRET = "a long random string"
BODY = json.dumps(batches.webhook("signed")).encode()
PATH = "/webhooks/grafana"
HEADER, TIMESTAMP = signatures.GRAFANA_HEADER, signatures.GRAFANA_TIMESTAMP


@pytest.fixture
def secrets(tmp_path: Path, tenant: Tenant) -> Path:
    folder = tmp_path / "tenants" / tenant.slug
    folder.mkdir(parents=True)
    (folder / signatures.GRAFANA_SECRET).write_text(f"{SECRET}\n")
    return tmp_path / "tenants"


def post(run: Run, secrets: Path | None, headers: dict[str, str]) -> httpx.Response:
    async def scenario() -> httpx.Response:
        async with run(secrets_dir=secrets) as (_, client):
            return await client.post(PATH, content=BODY, headers=headers)

    return asyncio.run(scenario())


def test_the_signature_is_grafanas() -> None:
    # Made with: printf body (or 1700000000:body) | openssl dgst -sha256 -hmac secret
    plain = "dc46983557fea127b43af721467eb9b3fde2338fe3e14f51952aa8478c13d355"
    assert signatures.grafana("secret", b"body") == plain
    timed = "f90c43d7765b3944579919a85aaeb545e9e9e9bbf1e20121b6a274d0c668762b"
    assert signatures.grafana("secret", b"body", "1700000000") == timed


@pytest.mark.parametrize("timed", [False, True])
def test_what_is_signed_gets_in(run: Run, tenant: Tenant, secrets: Path, timed: bool) -> None:
    stamp = str(int(time.time())) if timed else None
    headers = {HEADER: signatures.grafana(SECRET, BODY, stamp)}
    if stamp:
        headers[TIMESTAMP] = stamp
    assert post(run, secrets, tenant.bearer | headers).json()["accepted"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {HEADER: ""},
        {HEADER: "0" * 64},
        {HEADER: signatures.grafana("another", BODY)},
        {HEADER: signatures.grafana(SECRET, BODY + b" ")},
        {HEADER: "sha256=" + signatures.grafana(SECRET, BODY)},
        {HEADER: signatures.grafana(SECRET, BODY), TIMESTAMP: "1700000000"},
        {HEADER: signatures.grafana(SECRET, BODY, "1700000000"), TIMESTAMP: "1700000000"},
        {HEADER: signatures.grafana(SECRET, BODY, "now"), TIMESTAMP: "now"},
        {HEADER: signatures.grafana(SECRET, BODY, ""), TIMESTAMP: ""},
    ],
)
def test_what_is_not_signed_as_it_should_be_is_refused(
    run: Run, tenant: Tenant, secrets: Path, headers: dict[str, str]
) -> None:
    answer = post(run, secrets, tenant.bearer | headers)
    assert answer.status_code == 403
    assert SECRET not in answer.text


def test_a_signature_does_not_stand_for_a_token(run: Run, secrets: Path) -> None:
    assert post(run, secrets, {HEADER: signatures.grafana(SECRET, BODY)}).status_code == 401


def test_without_a_secret_the_token_is_enough(
    run: Run, tenant: Tenant, neighbour: Tenant, secrets: Path
) -> None:
    assert post(run, None, tenant.bearer).status_code == 200
    assert post(run, secrets, neighbour.bearer).status_code == 200


def test_a_secret_that_cannot_be_read_keeps_the_door_shut(
    run: Run, tenant: Tenant, secrets: Path
) -> None:
    (secrets / tenant.slug / signatures.GRAFANA_SECRET).write_text(" \n")
    answer = post(run, secrets, tenant.bearer | {HEADER: signatures.grafana("", BODY)})
    assert answer.status_code == 403
    assert "cannot be checked" in answer.json()["detail"]
