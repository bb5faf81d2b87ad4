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
