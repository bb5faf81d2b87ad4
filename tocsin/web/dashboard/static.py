"""Serves the style and the scripts. An address names its content, so it never changes."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tocsin import errors
from tocsin.web.dashboard import _static

router = APIRouter()


@router.get("/static/{name}")
def static(request: Request, name: str) -> Response:
    """One file of the pages."""
    held = _static.FILES.get(name)
    if held is None:
        raise errors.NotFound("there is no such file in this version; load the page again")
    headers = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding"}
    if "gzip" not in request.headers.get("Accept-Encoding", ""):
        return Response(held.body, 200, headers, held.media_type)
    return Response(held.packed, 200, {**headers, "Content-Encoding": "gzip"}, held.media_type)
