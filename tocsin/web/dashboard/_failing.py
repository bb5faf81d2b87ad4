"""An error as a page in plain words, with the trace id; to sign in where that is all it needs."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from fastapi import Request
from fastapi.responses import RedirectResponse, Response

from tocsin.web.dashboard import _render

BELOW = "/ui"


def is_page(request: Request) -> bool:
    path = request.url.path
    return path == BELOW or path.startswith(f"{BELOW}/")


def page(
    request: Request, status: int, title: str, detail: str, trace: str, headers: Mapping[str, str]
) -> Response:
    """The answer for one error of a page."""
    if status == 401:
        return _sign_in(request)
    made = _render.page(
        request, None, "failed.html", status=status, title=title, detail=detail, trace=trace
    )
    for name, value in headers.items():
        if name != "WWW-Authenticate":
            made.headers[name] = value
    return made


def _sign_in(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    back = f"?next={quote(wanted)}" if request.method == "GET" else ""
    if "HX-Request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": "/ui/login"})
    if request.headers.get("Accept") == "text/event-stream":
        return Response(status_code=401)
    return RedirectResponse(f"/ui/login{back}", 303)
