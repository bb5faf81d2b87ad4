"""Hostile requests, each with the status that it gets: never a 500, never slow, never a bad row."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as tuned
from hypothesis import strategies as st

from ingest import bodies
from tests.ingest import batches
from tests.ingest.conftest import Run, Tenant
from tests.ingest.test_sources import JSON

HOOK, V2, NATIVE = "/webhooks/alertmanager", "/api/v2/alerts", "/api/v1/alerts"
GRAFANA, AMAZON = "/webhooks/grafana", "/webhooks/cloudwatch"
FINE = json.dumps(batches.webhook("fine")).encode()
EVERY = [HOOK, V2, NATIVE, GRAFANA, AMAZON, "/webhooks/mapped/any"]
DEEP = json.loads("[" * 64 + "]" * 64)
GZIP = {"Content-Encoding": "gzip"}


def of(**fields: Any) -> bytes:
    """A webhook whose only alert has these fields, too."""
    alert = {"status": "firing", "labels": {"alertname": "a"}} | fields
    return json.dumps({"alerts": [alert]}).encode()


#: name: path, body, what the answer is: a status, and how many of the alerts were accepted.
SHAPES: dict[str, tuple[str, bytes, int, int | None]] = {
    "empty": (HOOK, b"", 400, None),
    "null": (HOOK, b"null", 400, None),
    "empty list": (HOOK, b"[]", 200, 0),
    "empty list to v2": (V2, b"[]", 200, None),
    "empty list to native": (NATIVE, b"[]", 200, 0),
    "empty object": (HOOK, b"{}", 400, None),
    "empty object to v2": (V2, b"{}", 400, None),
    "empty object to native": (NATIVE, b"{}", 200, 0),
    "string": (HOOK, b'"x"', 400, None),
    "number": (V2, b"1", 400, None),
    "true": (NATIVE, b"true", 400, None),
    "truncated": (HOOK, FINE[:-3], 400, None),
    "two documents": (HOOK, FINE + FINE, 400, None),
    "trailing comma": (V2, b'[{"labels":{"a":"b"}},]', 400, None),
    "comment": (V2, b'[/* x */{"labels":{"a":"b"}}]', 400, None),
    "100 000 deep": (HOOK, b"[" * 100_000, 400, None),
    "64 deep in annotations": (HOOK, of(annotations={"a": DEEP}), 200, 0),
    "200 000 labels": (HOOK, of(labels={f"l{n}": "x" for n in range(200_000)}), 200, 1),
    "label value number": (HOOK, of(labels={"a": 1}), 200, 0),
    "label value null": (V2, b'[{"labels":{"a":null}}]', 400, None),
    "no labels": (V2, b'[{"labels":{}}]', 400, None),
    "labels missing": (V2, b"[{}]", 400, None),
    "empty label name": (HOOK, of(labels={"": "x"}), 200, 0),
    "__name__": (HOOK, of(labels={"__name__": "up", "a b": "x", "a.b": "y", "ä": "z"}), 200, 1),
    "status twice": (HOOK, b'[{"status":"firing","status":"resolved","labels":{"a":"b"}}]', 200, 0),
    "NaN": (HOOK, b'[{"status":"firing","labels":{"a":"b"},"v":NaN}]', 200, 0),
    "Infinity": (NATIVE, b'{"title":"a","v":-Infinity}', 200, 0),
    "1e400": (HOOK, b'[{"status":"firing","labels":{"a":"b"},"v":1e400}]', 200, 1),
    "5 000 digits": (HOOK, of(v="?").replace(b'"?"', b"9" * 5000), 200, 1),
    "lone surrogate": (HOOK, b'[{"status":"firing","labels":{"a":"\\ud800"}}]', 200, 0),
    "NUL": (HOOK, b'[{"status":"firing","labels":{"a":"\\u0000"}}]', 200, 0),
    "NUL in a name": (NATIVE, b'{"title":"a","labels":{"\\u0000":"x"}}', 200, 0),
    "byte order mark": (HOOK, b"\xef\xbb\xbf" + FINE, 200, 1),
    "UTF-16": (HOOK, FINE.decode().encode("utf-16"), 400, None),
    "invalid UTF-8": (HOOK, b'[{"status":"firing","labels":{"a":"\xff\xfe"}}]', 200, 0),
    "overlong UTF-8": (HOOK, b'[{"status":"firing","labels":{"a":"\xc0\xaf"}}]', 200, 0),
    "tricks of script": (HOOK, of(labels={"alertname": "\u202egpj.\u200bexe\u0430"}), 200, 1),
    "10 MB annotation": (HOOK, of(annotations={"a": "x" * 10_000_000}), 200, 1),
    "5 MB label": (HOOK, of(labels={"a": "x" * 5_000_000}), 200, 1),
    "10 MB and more": (HOOK, of(annotations={"a": "x" * 11_000_000}), 413, None),
    "5 000 alerts": (HOOK, json.dumps(batches.webhook(*["a"] * 5000)).encode(), 200, 5000),
    "10 001 alerts": (HOOK, json.dumps(batches.webhook(*["a"] * 10_001)).encode(), 413, None),
    "10 001 times null": (V2, b"[" + b"null," * 10_000 + b"null]", 413, None),
    "binary": (NATIVE, bytes(range(256)), 400, None),
    "a form": (NATIVE, b"title=a&severity=critical", 400, None),
    "year 1": (HOOK, of(startsAt="0001-01-01T00:00:00Z", endsAt="0001-01-01T00:00:00Z"), 200, 1),
    "year 9999": (HOOK, of(endsAt="9999-12-31T23:59:59Z"), 200, 1),
    "year 292277026596": (HOOK, of(startsAt="292277026596-12-04T15:30:07Z"), 200, 0),
    "30 February": (HOOK, of(startsAt="2026-02-30T00:00:00Z"), 200, 0),
    "offset +25:00": (HOOK, of(startsAt="2026-02-20T00:00:00+25:00"), 200, 0),
    "no zone": (HOOK, of(startsAt="2026-02-20T00:00:00"), 200, 0),
    "epoch": (HOOK, of(startsAt=1_700_000_000), 200, 0),
    "nanoseconds": (HOOK, of(startsAt="2026-02-20T00:00:00.123456789Z"), 200, 1),
    "ends before it starts": (
        V2,
        b'[{"labels":{"a":"b"},"startsAt":"2026-02-20T00:00:00Z","endsAt":"2026-02-19T00:00:00Z"}]',
        400, None,
    ),
    "starts in 10 years": (HOOK, of(startsAt="2036-02-20T00:00:00Z"), 200, 1),
    "wrong fingerprint": (HOOK, of(fingerprint="0" * 16), 200, 1),
    "FIRING": (HOOK, of(status="FIRING"), 200, 0),
    "javascript link": (HOOK, of(generatorURL="javascript:alert(1)"), 200, 1),
    "generatorURL number": (HOOK, of(generatorURL=7), 200, 0),
    "tenant labels": (HOOK, of(labels={"tenant_id": "1", "__tenant__": "1"}), 200, 1),
    "truncatedAlerts": (HOOK, b'{"truncatedAlerts":18446744073709551616,"alerts":[]}', 200, 0),
    "alerts is no list": (HOOK, b'{"alerts":{"a":1}}', 400, None),
    "alerts twice": (HOOK, b'{"alerts":[],"alerts":[]}', 400, None),
    "values of Grafana": (GRAFANA, of(values={f"v{n}": 1 for n in range(50_000)}), 200, 1),
    "values without end": (GRAFANA, of(values={"a": 0, "b" * 5_000_000: 1}), 200, 1),
    "a value without end": (GRAFANA, of(values={"a": "?"}).replace(b'"?"', b"9" * 5000), 200, 1),
    "links of Grafana": (GRAFANA, of(panelURL="javascript:x", imageURL="x" * 5_000_000), 200, 1),
    "nothing from Amazon": (AMAZON, b"{}", 403, None),
    "no JSON from Amazon": (AMAZON, b"<xml/>", 400, None),
    "half of an envelope": (AMAZON, b'{"Type":"Notification","Message":{}}', 400, None),
    "too much from Amazon": (AMAZON, b" " * 2_000_000 + b"{}", 413, None),
    "deep from Amazon": (AMAZON, b'{"Type":' + b"[" * 100_000, 400, None),
    "injections": (
        HOOK,
        of(labels={"a": "{{7*7}}' OR 1=1--\r\nBcc: x\x1b[31m"}, annotations={"b": "<img src=x>"}),
        200, 1,
    ),
}  # fmt: skip


@pytest.mark.timeout(60)  # hostile input must not hang us
@pytest.mark.parametrize("name", SHAPES)
def test_a_hostile_body_gets_its_status(
    run: Run, tenant: Tenant, stored: Callable[[Tenant], batches.Stored], name: str
) -> None:
    path, body, status, accepted = SHAPES[name]

    async def scenario() -> httpx.Response:
        async with run() as (_, client):
            return await client.post(path, content=body, headers=tenant.bearer)

    answer = asyncio.run(scenario())
    assert answer.status_code == status, answer.text
    if accepted is not None:
        assert answer.json()["accepted"] == accepted
    found = stored(tenant)
    posted = sum(len(batch.alerts) for batch in found.batches) + len(found.quarantine)
    assert sum(row["alerts"] for row in found.inbox) + len(found.quarantine) == posted
    assert sum(n for (key, _), n in found.tally.items() if key == "alerts_accepted_total") == posted


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(megabytes)) + packer.flush()


ENCODED: dict[str, tuple[dict[str, str], bytes, int]] = {
    "gzip": (GZIP, gzip.compress(FINE), 200),
    "x-gzip": ({"Content-Encoding": "X-Gzip"}, gzip.compress(FINE), 200),
    "identity": ({"Content-Encoding": "identity"}, FINE, 200),
    "two members": (GZIP, gzip.compress(FINE[:9]) + gzip.compress(FINE[9:]), 200),
    "a thousand members": (GZIP, gzip.compress(b" ") * 1000 + gzip.compress(FINE), 400),
    "many alerts, well packed": (
        GZIP, gzip.compress(json.dumps(batches.webhook(*["a"] * 9000)).encode()), 200,
    ),
    "not gzip": (GZIP, FINE, 400),
    "cut off": (GZIP, gzip.compress(FINE)[:-9], 400),
    "damaged": (GZIP, gzip.compress(FINE)[:20] + b"\xff" * 9 + gzip.compress(FINE)[29:], 400),
    "with a tail": (GZIP, gzip.compress(FINE) + b"tail", 400),
    "nothing at all": (GZIP, b"", 400),
    "an empty one": (GZIP, gzip.compress(b""), 400),
    "gzip in gzip": (GZIP, gzip.compress(gzip.compress(FINE)), 400),
    "gzip unannounced": ({}, gzip.compress(FINE), 400),
    "bomb of 100 MB": (GZIP, bomb(100), 413),
    "bomb within the limit of bytes": (GZIP, bomb(9), 413),
    "incompressible but too large": (GZIP, gzip.compress(b" " * 11_000_000, 0), 413),
    "deflate": ({"Content-Encoding": "deflate"}, zlib.compress(FINE), 415),
    "br": ({"Content-Encoding": "br"}, b"x", 415),
    "zstd": ({"Content-Encoding": "zstd"}, b"x", 415),
    "gzip, gzip": ({"Content-Encoding": "gzip, gzip"}, b"x", 415),
    "text/plain": ({"Content-Type": "text/plain"}, FINE, 200),
    "utf-7": ({"Content-Type": "application/json; charset=utf-7"}, FINE, 200),
    "no length": ({"Content-Length": "x"}, FINE, 200),
    "false length": ({"Content-Length": "3"}, FINE, 200),
    "negative length": ({"Content-Length": "-1"}, FINE, 200),
    "endless length": ({"Content-Length": "9" * 5000}, FINE, 413),
    "length above the limit": ({"Content-Length": str(bodies.MAX_BYTES + 1)}, b"", 413),
    "bad traceparent": ({"traceparent": "00-" + "0" * 32 + "-x-\0"}, FINE, 200),
}  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ENCODED)
@pytest.mark.parametrize("piece", [1 << 20, 700])
def test_a_hostile_encoding_gets_its_status(
    run: Run, tenant: Tenant, name: str, piece: int
) -> None:
    headers, body, status = ENCODED[name]

    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(body), piece):
            yield body[at : at + piece]

    async def scenario() -> httpx.Response:
        async with run() as (ingest, client):
            answer = await client.post(HOOK, content=chunks(), headers=tenant.bearer | headers)
            assert ingest._room.left == bodies.WAITING_BYTES
            return answer

    answer = asyncio.run(scenario())
    assert answer.status_code == status, answer.text
    if status == 415:
        assert answer.headers["accept-encoding"] == "gzip"


def test_a_bomb_does_not_grow_the_process(run: Run, tenant: Tenant) -> None:
    packed = bomb(100)

    async def scenario() -> int:
        async with run() as (_, client):
            await client.post(HOOK, content=FINE, headers=tenant.bearer)
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            await client.post(HOOK, content=packed, headers=tenant.bearer | GZIP)
            return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert asyncio.run(scenario()) < 50 * 1024  # KiB


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
                assert answer.status_code in (200, 400, 403, 404)

    asyncio.run(scenario())
