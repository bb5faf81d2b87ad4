"""ETag and If-Match: whoever changes a thing says which version of it they have read."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Header, Response

from tocsin import errors
from tocsin.web import openapi

IfMatch = Annotated[
    str | None,
    Header(alias="If-Match", max_length=200, description="The ETag that was read, or `*`."),
]

#: What a change that wants If-Match may be answered with, for the OpenAPI document.
ANSWERS: dict[int | str, dict[str, Any]] = {
    412: {"description": "It was changed meanwhile: read it again.", "content": openapi.PROBLEM},
    428: {"description": "The header If-Match is missing.", "content": openapi.PROBLEM},
}


def tag(response: Response, version: int) -> None:
    """Say which version this answer shows."""
    response.headers["ETag"] = f'"{version}"'


def require(if_match: str | None, version: int) -> None:
    """Raises NoVersion without the header, Stale where it names another version."""
    if if_match is None:
        raise errors.NoVersion
    # A proxy that compresses answers makes tags weak; ours name versions all the same.
    named = {each.strip().removeprefix("W/") for each in if_match.split(",")}
    if "*" not in named and f'"{version}"' not in named:
        raise errors.Stale
