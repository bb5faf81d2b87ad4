"""The HTTP API from the command line: finds address and token, says errors in one line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from tocsin import errors, homes
from tocsin.cli import _place

SECONDS = 15.0
#: What one page holds at most.
PAGE = 200


class Client:
    """One command's conversation with the API."""

    def __init__(self, url: str, token: str, home: Path | None) -> None:
        known = {} if url and token else _place.environment(home)
        self._url = (url or str(known.get("url", ""))).rstrip("/")
        if not self._url:
            raise errors.SetupError(
                "no address is known: give --url or set TOCSIN_URL; on the host itself `tocsin up`"
                " must be running"
            )
        self._token = token or _first_token(home)

    def get(self, path: str, **params: Any) -> dict[str, Any]:
        return self._ask("GET", path, params=params)

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._ask("POST", path, json=body)

    def put(self, path: str, body: Mapping[str, Any], *, if_match: int) -> dict[str, Any]:
        """Change what was read as this version."""
        return self._ask("PUT", path, json=body, headers={"If-Match": f'"{if_match}"'})

    def delete(self, path: str) -> dict[str, Any]:
        return self._ask("DELETE", path)

    def text(self, path: str) -> str:
        """What is not a document of JSON."""
        return self._answered("GET", path).text

    def listed(self, path: str, limit: int, **params: Any) -> list[dict[str, Any]]:
        """The first `limit` items, over as many pages as it takes."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while len(found) < limit:
            more = {"cursor": cursor} if cursor else {}
            page = self.get(path, limit=min(PAGE, limit - len(found)), **params, **more)
            found += page["items"]
            cursor = page["next"]
            if cursor is None:
                break
        return found

    def _ask(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        return _document(self._answered(method, path, **options), self._url)

    def _answered(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}", **options.pop("headers", {})}
        try:
            answer = httpx.request(
                method, f"{self._url}/api/v1{path}", headers=headers, timeout=SECONDS, **options
            )
        except (httpx.TransportError, httpx.InvalidURL, UnicodeEncodeError) as error:
            raise errors.SetupError(
                f"nothing answers at {self._url} ({type(error).__name__}): is Tocsin running there?"
                " Give another address with --url"
            ) from error
        if answer.is_success:
            return answer
        raise errors.TocsinError(_said(answer))


def segment(text: str) -> str:
    """An id as a part of a path, whatever is in it."""
    return quote(text, safe="")


def _first_token(home: Path | None) -> str:
    file = (home or homes.default()).expanduser() / "admin.token"
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise errors.SetupError(
            "no token is known: give --token or set TOCSIN_TOKEN; `tocsin token add` makes one"
        ) from error


def _document(answer: httpx.Response, url: str) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError as error:
        raise errors.SetupError(f"what answers at {url} is not Tocsin") from error
    return found if isinstance(found, dict) else {}


def _said(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
        return f"{problem['detail']} ({answer.status_code}, trace id {problem['trace_id']})"
    except (ValueError, KeyError, TypeError):
        return (
            f"the answer was {answer.status_code} {answer.reason_phrase}: is this Tocsin's address?"
        )
