"""The endpoint behind its real server: what HTTP itself can do to it."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from ingest import bodies
from tests.ingest import batches
from tests.ingest.conftest import Tenant, environment
from tocsin.config.settings import Settings

PATH = "/webhooks/alertmanager"


@pytest.fixture
def port(settings: Settings) -> Iterator[int]:
    """The port of a server of its own, and afterwards whether it ended in order."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    program = [sys.executable, "-m", "uvicorn", "ingest.app:app", "--port", str(number)]
    with subprocess.Popen(
        program, env=environment(settings), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as server:
        try:
            wait_for(number)
            yield number
        finally:
            server.send_signal(signal.SIGTERM)
        assert server.stdout is not None
        output = server.stdout.read().decode()
        # uvicorn ends in order and then passes the signal on to itself.
        assert server.wait(20) in (0, -signal.SIGTERM), output
        assert "Application shutdown complete" in output
        assert "Traceback" not in output
        assert "toc_" not in output


def wait_for(port: int) -> None:
    for _ in range(400):
        try:
            if httpx.get(f"http://127.0.0.1:{port}/-/ready").status_code == 200:
                return
        except httpx.ConnectError:
            pass
        time.sleep(0.05)
    raise AssertionError("the server does not come up")


def test_a_key_in_the_address_works_and_no_body_harms(
    port: int, tenant: Tenant, stored: Callable[[Tenant], batches.Stored]
) -> None:
    url = f"/i/{tenant.token}/alertmanager"
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.post(url, json=batches.webhook("real")).status_code == 200
        large = b" " * (bodies.MAX_BYTES + 1)
        assert client.post(url, content=large).status_code == 413
        assert client.post(url, content=iter([large[:-1], b"[]"])).status_code == 413
        assert client.post(url, content=iter([b"[", b"]"])).status_code == 200
        assert client.head("/-/ready").status_code == 200
    assert stored(tenant).names == ["real"]


HEAD = b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\n"
SIZED = b"Content-Length: 2\r\n\r\n[]"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"0\r\n\r\nGET /-/healthy HTTP/1.1\r\n\r\n"
REFUSED, HUNG_UP = {b"400"}, {b""}
#: name: what follows the headers above, and the statuses that are fine.
RAW: dict[str, tuple[bytes, set[bytes]]] = {
    "both lengths": (b"Content-Length: 2\r\n" + CHUNKED + b"\r\n" + SMUGGLED, REFUSED),
    "two lengths": (b"Content-Length: 3\r\n" + SIZED, REFUSED),
    "length of words": (b"Content-Length: two\r\n\r\n[]", REFUSED),
    "negative length": (b"Content-Length: -2\r\n\r\n[]", REFUSED),
    "endless chunk": (CHUNKED + b"\r\nFFFFFFFFFFFFFFFFFF\r\n[]", REFUSED),
    "chunk of words": (CHUNKED + b"\r\nxyz\r\n[]\r\n0\r\n\r\n", REFUSED),
    "no body at all": (b"\r\n", REFUSED),
    "method in a header": (b"X-HTTP-Method-Override: DELETE\r\n" + SIZED, {b"200"}),
    "header of 1 MB": (b"X: " + b"x" * 1_000_000 + b"\r\n" + SIZED, {b"200"} | REFUSED | HUNG_UP),
    "10 000 headers": (b"X: y\r\n" * 10_000 + SIZED, {b"200"} | REFUSED | HUNG_UP),
    "sender leaves": (b"Content-Length: 20\r\n\r\n[", HUNG_UP),
}
#: name: address, status.
ADDRESSES = {
    "encoded dots": (b"/webhooks/%2e%2e" + PATH.encode(), b"404"),
    "encoded NUL": (PATH.encode() + b"%00", b"404"),
    "encoded slash": (b"/t/..%2fb" + PATH.encode(), b"404"),
    "two slashes": (b"/" + PATH.encode(), b"404"),
}


def test_nothing_that_http_allows_or_forbids_harms(port: int, tenant: Tenant) -> None:
    bearer = tenant.bearer["Authorization"].encode()
    requests = {
        name: (HEAD % (PATH.encode(), bearer) + rest, fine) for name, (rest, fine) in RAW.items()
    }
    for name, (address, status) in ADDRESSES.items():
        requests[name] = (HEAD % (address, bearer) + SIZED, {status})
    requests["TRACE"] = (b"TRACE %s HTTP/1.1\r\nHost: x\r\n\r\n" % PATH.encode(), {b"405"})
    requests["HTTP/0.9"] = (b"GET /-/healthy\r\n", REFUSED | HUNG_UP)
    requests["no HTTP"] = (bytes(range(256)) * 9, REFUSED | HUNG_UP)
    for name, (request, fine) in requests.items():
        assert spoken(port, request) in fine, name
        assert httpx.get(f"http://127.0.0.1:{port}/-/healthy").text == "OK", name


def answered(line: socket.socket) -> bytes:
    """What comes by itself; half a request is ended first, for the server waits for the rest.

    Not ended at once: the server takes that for a sender who has gone, and may not answer at all.
    """
    line.settimeout(2)
    try:
        return line.recv(65536)
    except TimeoutError:
        line.settimeout(20)
        line.shutdown(socket.SHUT_WR)
        return line.recv(65536)


def spoken(port: int, request: bytes) -> bytes:
    """The status of the first answer to raw bytes, b"" where the server only hangs up."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as line:
        try:
            line.sendall(request)
            answer = answered(line)
        except (BrokenPipeError, ConnectionResetError):
            return b""
    return answer.split(b" ", 2)[1] if answer.startswith(b"HTTP/1.1 ") else answer
