"""A browser's part without a browser: signs in, keeps the cookie, sends forms."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest

from tests.web import servers as running
from tests.web.conftest import Someone
from tocsin.config.settings import Settings
from tocsin.storage.record import Record
from tocsin.web import app


@dataclass
class Browser:
    """Somebody who looks at the pages."""

    client: httpx.Client

    def get(self, path: str, **options: object) -> httpx.Response:
        return self.client.get(path, **options)  # type: ignore[arg-type]

    def post(self, path: str, fields: dict[str, object] | None = None) -> httpx.Response:
        """Send a form as the pages make it, with its proof."""
        page = self.client.get("/ui/now").text
        found = re.search(r'name="proof" value="([0-9a-f]{64})"', page)
        data = {"proof": found[1] if found else "", **(fields or {})}
        return self.client.post(path, data=data)


@pytest.fixture(scope="session")
def pages_rings() -> list[tuple[str, str]]:
    return []


@pytest.fixture(scope="session")
def pages_url(record: Record, pages_rings: list[tuple[str, str]]) -> Iterator[str]:
    """The pages as they are served over plain HTTP."""
    built = app.build(Settings(), record, lambda actor, queue: pages_rings.append((actor, queue)))
    with running.serving(built) as url:
        yield url


SignIn = Callable[..., Browser]


@pytest.fixture
def sign_in(pages_url: str) -> Iterator[SignIn]:
    """A function that signs somebody in with the token of a scope."""
    clients = []

    def go(who: Someone, scope: str = "respond") -> Browser:
        client = httpx.Client(base_url=pages_url, trust_env=False, timeout=30)
        clients.append(client)
        response = client.post("/ui/login", data={"token": who.tokens[scope]})
        assert response.status_code == 303, response.text
        return Browser(client)

    yield go
    for client in clients:
        client.close()
