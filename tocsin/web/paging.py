"""Cursors: where the next page begins, bound to one tenant, one list and one set of filters."""

from __future__ import annotations

import base64
import binascii
import hashlib
import uuid
from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
from fastapi import Query, Request, Response

from tocsin import errors

LARGEST = 200

Limit = Annotated[int, Query(ge=1, le=LARGEST, description="How many items at most.")]
Cursor = Annotated[
    str | None,
    Query(max_length=1000, description="The `next` of the page before, with the same filters."),
]

REFUSED = "The cursor is not one of this list with these filters. Begin again without a cursor."


def mark(request: Request, tenant: int) -> str:
    """What a cursor is bound to: it is refused anywhere else."""
    filters = sorted(
        (name, value)
        for name, value in request.query_params.multi_items()
        if name not in ("cursor", "limit")
    )
    path = request.url.path.rpartition("/api/v1")[2]
    return hashlib.sha256(orjson.dumps([tenant, path, filters])).hexdigest()[:16]


def encode(bound: str, keys: Sequence[Any]) -> str:
    """The cursor behind the row with these sort keys."""
    return base64.urlsafe_b64encode(orjson.dumps([bound, *keys])).decode().rstrip("=")


def decode(bound: str, cursor: str, size: int) -> list[str]:
    """The `size` sort keys as text. Raises BadRequest for whatever `encode` did not make here."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        found = orjson.loads(raw)
    except (ValueError, binascii.Error) as error:
        raise errors.BadRequest(REFUSED) from error
    if not isinstance(found, list) or len(found) != size + 1 or found[0] != bound:
        raise errors.BadRequest(REFUSED)
    if not all(isinstance(key, str) and "\0" not in key for key in found):
        raise errors.BadRequest(REFUSED)
    return found[1:]


def decode_id(bound: str, cursor: str | None) -> uuid.UUID | None:
    """For lists that sort by id alone."""
    if cursor is None:
        return None
    try:
        return uuid.UUID(decode(bound, cursor, 1)[0])
    except ValueError as error:
        raise errors.BadRequest(REFUSED) from error


def link(request: Request, response: Response, cursor: str | None) -> None:
    """Set the Link header to the next page. Relative, so that no Host header can bend it."""
    if cursor is not None:
        kept = [item for item in request.query_params.multi_items() if item[0] != "cursor"]
        query = urlencode([*kept, ("cursor", cursor)])
        response.headers["Link"] = f'<{request.url.path}?{query}>; rel="next"'


def identifier(text: str, what: str) -> uuid.UUID:
    """An id from the path; raises NotFound, in the words of one that does not exist."""
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise errors.NotFound(f"there is no such {what} in this tenant") from error
