"""Hostile bodies piece by piece, whose memory is given back; and JSON that nobody thought of.

Each hostile input that somebody did think of is a file in `tests/hostile`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from ingest import bodies
from tests.hostile import words
from tests.ingest.conftest import Run, Tenant
from tests.ingest.test_sources import JSON

EVERY = [words.HOOK, words.V2, words.NATIVE, words.GRAFANA, words.AMAZON, words.MAPPED]
#: Bombs and encodings that lie; what is played at once there comes in small pieces here.
ENCODED = words.numbered(27, 28)


@pytest.mark.timeout(120)  # hostile input must not hang us
@pytest.mark.parametrize("piece", [1 << 20, 700])
def test_a_hostile_encoding_gets_its_status_and_gives_its_memory_back(
    run: Run, tenant: Tenant, piece: int
) -> None:
    async def chunks(body: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(body), piece):
            yield body[at : at + piece]

    async def scenario() -> None:
        async with run() as (ingest, client):
            for case in ENCODED:
                headers = tenant.bearer | case.headers
                answer = await client.post(case.path, content=chunks(case.body), headers=headers)
                assert ingest._room.left == bodies.WAITING_BYTES
                assert answer.status_code in case.fine, answer.text
                if answer.status_code == 415:
                    assert answer.headers["accept-encoding"] == "gzip"

    asyncio.run(scenario())


#: What the headers of a length say, and what comes of it where no server stands before us.
LENGTHS = {"x": 200, "3": 200, "-1": 200, "9" * 5000: 413, str(bodies.MAX_BYTES + 1): 413}


def test_what_counts_is_what_arrives(run: Run, tenant: Tenant) -> None:
    async def scenario() -> dict[str, int]:
        async with run() as (_, client):
            found = {}
            for length in LENGTHS:
                headers = tenant.bearer | {"Content-Length": length}
                answer = await client.post(words.HOOK, content=words.FINE, headers=headers)
                found[length] = answer.status_code
            return found

    assert asyncio.run(scenario()) == LENGTHS


@tuned(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(documents=st.lists(st.tuples(st.sampled_from(EVERY), JSON), min_size=5))
def test_no_json_gives_a_500(run: Run, tenant: Tenant, documents: list[tuple[str, Any]]) -> None:
    async def scenario() -> None:
        async with run() as (_, client):
            posts = [
                client.post(path, content=json.dumps(document), headers=tenant.bearer)
                for path, document in documents
            ]
            for answer in await asyncio.gather(*posts):
                assert isinstance(answer, httpx.Response)
                assert answer.status_code in (200, 400, 403, 404)

    asyncio.run(scenario())
