"""Templates into pages: the same frame, policy of content and words for all of them."""

from __future__ import annotations

import secrets
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import jinja2
import psycopg
from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from markupsafe import Markup

from tocsin import errors, i18n
from tocsin.domain import storms as rules
from tocsin.i18n import gales, say
from tocsin.storage import storms
from tocsin.web import dashboard
from tocsin.web.dashboard import _static, _times
from tocsin.web.dashboard.viewers import Viewer

_FOLDER = Path(__file__).parents[1] / "templates" / "dashboard"
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_PAGES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
)


def page(
    request: Request, viewer: Viewer | None, template: str, *, now: datetime | None = None,
    here: str = "", fragment: str = "", status: int = 200, **values: Any,
) -> Response:  # fmt: skip
    """A page, or only its `fragment` (another template) where htmx asks for that.

    `here` is the name of the place in the menu; `now` the time of the transaction.
    A query `?said=<word>` shows the sentence ui.said.<word>: for redirects after an act.
    """
    nonce = secrets.token_urlsafe(16)
    is_part = bool(fragment) and "HX-Request" in request.headers
    text = _PAGES.get_template(fragment if is_part else template).render(
        request=request, viewer=viewer, now=now, here=here, nonce=nonce, locale=locale(request),
        said=_said(request), said_n=_number(request), undo=_undo(request),
        menu=dashboard.menu() if viewer else (), storm=_storm(request, viewer),
        fragment=fragment, version=request.app.version, **values,
    )  # fmt: skip
    headers = {
        "Content-Security-Policy": _POLICY.format(nonce=nonce),
        # With no-referrer, browsers say "Origin: null" of our own forms.
        "Referrer-Policy": "same-origin",
        "Vary": "HX-Request, Cookie",
    }
    return HTMLResponse(text, status, headers)


def _storm(request: Request, viewer: Viewer | None) -> dict[str, str] | None:
    """The storm under way, which every page shows; no page fails for want of it."""
    if viewer is None:
        return None
    try:
        with request.app.state.record.session([viewer.tenant]) as tx:
            row = storms.current(tx, viewer.tenant)
            if row is None:
                return None
            shared = rules.said(storms.pairs(row["labels"]), row["alerts"])
            lasted = tx.now - (row["since"] or row["began_at"])
            title = gales.title(row["alerts"], lasted, shared, locale(request))
            return {"id": str(row["id"]), "title": title}
    except (errors.TocsinError, psycopg.Error):
        return None


def locale(request: Request) -> str:
    """The viewer's languages, the best first, as `i18n.say` takes them."""
    wanted = request.headers.get("Accept-Language", "")[:200].split(",")
    return ",".join(one.partition(";")[0].strip() for one in wanted) or i18n.FALLBACK


def _said(request: Request) -> str:
    """What was just done, if the address says so in a word that we know."""
    word = request.query_params.get("said", "")
    return word if word.isidentifier() and i18n.knows(f"ui.said.{word}") else ""


def _undo(request: Request) -> str:
    """The incident whose acknowledgement may be taken back where it was just said."""
    try:
        return str(uuid.UUID(request.query_params.get("undo", "")))
    except ValueError:
        return ""


def _number(request: Request) -> int:
    text = request.query_params.get("n", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0


@jinja2.pass_context
def _say(context: jinja2.runtime.Context, key: str, **values: object) -> str:
    return say(key, str(context.get("locale", i18n.FALLBACK)), **values)


@jinja2.pass_context
def _ago(context: jinja2.runtime.Context, at: datetime) -> Markup:
    return _times.ago(at, context["now"], str(context.get("locale", i18n.FALLBACK)))


@jinja2.pass_context
def _left(context: jinja2.runtime.Context, at: datetime) -> Markup:
    return _times.left(at, context["now"])


_PAGES.globals.update(say=_say, static=_static.ADDRESSES)
_PAGES.filters.update(
    ago=_ago, left=_left, clock=_times.clock, moment=_times.moment, there=_times.there
)
