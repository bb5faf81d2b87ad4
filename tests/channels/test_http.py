"""How requests end badly, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest

import channels
from tocsin import errors
from tocsin.demo import fakes
from tocsin.egress import addresses, exchange, guard

NOW = datetime(2026, 3, 7, 3, 7, tzinfo=UTC)


@pytest.fixture
def call() -> Iterator[channels.Call]:
    with guard.client(addresses.networks("127.0.0.0/8"), total=0.5) as http:
        yield channels.Call(key="k", secrets={}, http=http, now=NOW)


@pytest.mark.parametrize(
    ("problem", "kind", "in_doubt", "told"),
    [
        (
            httpx.ConnectError("[SSL: CERTIFICATE_VERIFY_FAILED] x"),
            errors.Retryable,
            False,
            "trust",
        ),
        (httpx.ConnectError("[SSL] wrong version number"), errors.Retryable, False, "TLS"),
        (httpx.ConnectError("its name could not be resolved"), errors.Retryable, False, "name"),
        (httpx.ConnectError("[Errno 111] s3cret"), errors.Retryable, False, "nothing answers"),
        (httpx.ConnectTimeout("s3cret"), errors.Retryable, False, "in time"),
        (httpx.PoolTimeout("s3cret"), errors.Retryable, False, "in time"),
        (httpx.ReadTimeout("s3cret"), errors.Retryable, True, "may have arrived"),
        (httpx.WriteTimeout("s3cret"), errors.Retryable, True, "may have arrived"),
        (httpx.ReadError("s3cret"), errors.Retryable, True, "may have arrived"),
        (httpx.WriteError("s3cret"), errors.Retryable, True, "may have arrived"),
        (httpx.RemoteProtocolError("s3cret"), errors.Retryable, True, "may have arrived"),
        (httpx.LocalProtocolError("s3cret"), errors.Permanent, None, "characters"),
        (httpx.UnsupportedProtocol("s3cret"), errors.Permanent, None, "characters"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_errors_below_http(
    problem: httpx.HTTPError, kind: type[Exception], in_doubt: bool | None, told: str
) -> None:
    meant = exchange.transport_problem(problem, "hooks.example")
    assert type(meant) is kind
    assert getattr(meant, "in_doubt", None) is in_doubt
    assert told in meant.message
    assert "hooks.example" in meant.message
    assert "s3cret" not in meant.message


@pytest.mark.parametrize("value", ["s3cret \u00fc", "s3cret\r\nX: y", "s3cret\x00"])
def test_headers_that_cannot_be_written(call: channels.Call, value: str) -> None:
    headers = {"authorization": f"Bearer {value}"}
    with fakes.serve() as running:
        with pytest.raises(errors.Permanent, match="written down") as refused:
            exchange.post(call.http, running.hook("a"), b"", headers, now=NOW)
        assert running.ledger.calls() == []
    assert "s3cret" not in refused.value.message
    assert refused.value.__suppress_context__


@pytest.mark.parametrize(
    ("header", "after"),
    [
        (None, None),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 7 ", 7.0),
        ("3601", 3600.0),
        ("99999999999999999999", None),
        ("1e3", None),
        ("Sat, 07 Mar 2026 03:08:00 -0000", 60.0),
        ("Sat, 07 Mar 2026 04:08:00 +0100", 60.0),
        ("Sat, 07 Mar 99999 03:08:00 GMT", None),
        ("Wed, 07 Mar 2046 03:08:00 GMT", 3600.0),
    ],
)
def test_retry_after(header: str | None, after: float | None) -> None:
    assert exchange.retry_after(header, NOW) == after
