"""In with a token, and out again."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

from tocsin import errors
from tocsin.security import sittings
from tocsin.storage.record import Record
from tocsin.web import access
from tocsin.web.callbacks import Doorman
from tocsin.web.dashboard import _render, viewers

router = APIRouter()

START = "/ui/now"
#: A token has 256 bits: this only keeps a guesser from being a load.
_doorman = Doorman()


@router.get("")
@router.get("/")
def root(who: viewers.Seen) -> Response:
    """To what matters now."""
    return RedirectResponse(START, 303)


@router.get("/login")
def ask(request: Request) -> Response:
    """The page that asks for a token."""
    return _ask(request)


@router.post("/login")
async def sign_in(request: Request, record: access.Recorded) -> Response:
    """Take a token, give a session. Raises Forbidden for a form of another site."""
    viewers.from_here(request)
    key = ("login", request.client.host if request.client else "")
    if _doorman.is_weary(key, time.monotonic()):
        return _ask(request, 429, "ui.login.weary")
    form = await request.form()
    token = form.get("token")
    try:
        secret = await run_in_threadpool(_begin, record, token if isinstance(token, str) else "")
    except (errors.NotAuthenticated, errors.Forbidden) as error:
        _doorman.failed(key, time.monotonic())
        unknown = isinstance(error, errors.NotAuthenticated)
        return _ask(request, 401, "ui.login.unknown" if unknown else "ui.login.cannot_read")
    response = RedirectResponse(_inside(form.get("next")), 303)
    viewers.keep(request, response, secret)
    return response


@router.post("/logout")
def sign_out(request: Request, record: access.Recorded, form: viewers.Form) -> Response:
    """End the session here and in the record."""
    with record.session([form.tenant]) as tx:
        sittings.end(tx, form.caller, form.viewer.secret)
    response = RedirectResponse("/ui/login?said=signed_out", 303)
    viewers.keep(request, response, "")
    # What the browser still holds of the pages is not for whoever sits down next.
    response.headers["Clear-Site-Data"] = '"cache"'
    return response


def _ask(request: Request, status: int = 200, problem: str = "") -> Response:
    wanted = _inside(request.query_params.get("next"))
    return _render.page(request, None, "login.html", status=status, problem=problem, next=wanted)


def _begin(record: Record, token: str) -> str:
    caller = access.identify(record, token.strip())
    caller.require("read")

    def work() -> str:
        with record.session([caller.tenant]) as tx:
            return sittings.begin(tx, caller)

    return record.again(work)


def _inside(wanted: object) -> str:
    """Where to go after signing in: only ever a page of ours."""
    if not isinstance(wanted, str) or not wanted.startswith("/ui/") or "\\" in wanted:
        return START
    parts = urlsplit(wanted)
    return START if parts.netloc or parts.path == "/ui/login" else wanted
