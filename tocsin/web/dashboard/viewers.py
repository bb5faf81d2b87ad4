"""Who looks at a page, and whether a form that came back is theirs; fails closed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Request
from starlette.datastructures import FormData
from starlette.responses import Response

from tocsin import errors
from tocsin.security import sittings, tokens
from tocsin.web import access

#: Browsers take a cookie of the first name only with Secure and path /, from this host itself.
SECURE_COOKIE, PLAIN_COOKIE = "__Host-tocsin", "tocsin"
PROOF_FIELD, PROOF_HEADER = "proof", "X-Tocsin-Proof"


@dataclass(frozen=True)
class Viewer:
    """Somebody who is signed in, and what their forms must bring along."""

    caller: tokens.Caller
    secret: str

    @property
    def tenant(self) -> int:
        return self.caller.tenant

    @property
    def proof(self) -> str:
        return sittings.proof(self.secret)

    def may(self, scope: tokens.Scope) -> bool:
        return self.caller.may(scope)


@dataclass(frozen=True)
class Posted:
    """A form that its viewer sent on purpose."""

    viewer: Viewer
    fields: FormData

    @property
    def caller(self) -> tokens.Caller:
        return self.viewer.caller

    @property
    def tenant(self) -> int:
        return self.viewer.tenant

    def text(self, name: str, default: str = "") -> str:
        value = self.fields.get(name, default)
        return value.strip() if isinstance(value, str) else default

    def texts(self, name: str) -> Sequence[str]:
        return [value for value in self.fields.getlist(name) if isinstance(value, str)]


def held(request: Request) -> str:
    """The secret that the browser brought; empty where nobody is signed in."""
    return request.cookies.get(cookie(request), "")


def viewer(request: Request, record: access.Recorded) -> Viewer:
    """Raises NotAuthenticated, and Forbidden for a token that may not read."""
    secret = held(request)
    if not secret:
        raise errors.NotAuthenticated
    with record.claims() as tx:
        caller = sittings.look_up(tx, secret)
    request.state.caller = caller
    caller.require("read")
    return Viewer(caller, secret)


Seen = Annotated[Viewer, Depends(viewer)]


async def posted(request: Request, who: Seen) -> Posted:
    """Raises Forbidden where the form was not made for this viewer, or comes from elsewhere."""
    from_here(request)
    fields = await request.form()
    given = request.headers.get(PROOF_HEADER) or fields.get(PROOF_FIELD)
    if not isinstance(given, str) or not sittings.is_proven(who.secret, given):
        raise errors.Forbidden("this form is not from your session: open the page again")
    return Posted(who, fields)


def responding(form: Annotated[Posted, Depends(posted)]) -> Posted:
    """Raises Forbidden."""
    form.caller.require("respond")
    return form


def administering(form: Annotated[Posted, Depends(posted)]) -> Posted:
    """Raises Forbidden."""
    form.caller.require("admin")
    return form


#: What the handlers of forms take; the two latter only from who may act.
Form = Annotated[Posted, Depends(posted)]
Act = Annotated[Posted, Depends(responding)]
AdminAct = Annotated[Posted, Depends(administering)]


def from_here(request: Request) -> None:
    """Raises Forbidden for a post that another site made the browser send."""
    site = request.headers.get("Sec-Fetch-Site")
    origin = request.headers.get("Origin")
    if site in ("cross-site", "same-site") or (
        site is None and origin and urlsplit(origin).netloc != request.headers.get("Host")
    ):
        raise errors.Forbidden("this form came from another site; nothing was done")


def cookie(request: Request) -> str:
    return SECURE_COOKIE if _is_secure(request) else PLAIN_COOKIE


def keep(request: Request, response: Response, secret: str) -> None:
    """Let the browser hold the secret; an empty one makes it forget."""
    response.set_cookie(
        cookie(request), secret, max_age=int(sittings.LASTS.total_seconds()) if secret else 0,
        path="/", secure=_is_secure(request), httponly=True, samesite="strict",
    )  # fmt: skip


def _is_secure(request: Request) -> bool:
    return str(request.app.state.settings.public_url).startswith("https:")
