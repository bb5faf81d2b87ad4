"""The list of incidents: live, filtered by its address; acts on one, or on all that are picked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from schemas import incident as schema
from tocsin import errors
from tocsin.web import access
from tocsin.web import incidents as api
from tocsin.web.dashboard import Nav, _acts, _render, _rows, viewers

router = APIRouter()
NAV = Nav(20, "incidents", "/ui/incidents", "i")

#: So many are acted on by one form; the page does not show more.
_MOST = _rows.PAGE
#: What may be done to all that are picked, and the word that is said of it.
_ACTS: dict[str, tuple[Callable[..., Any], str]] = {
    "ack": (api.acknowledge_incident, "acknowledged"),
    "resolve": (api.resolve_incident, "resolved"),
}


@router.get("/incidents")
def show(request: Request, who: viewers.Seen, record: access.Recorded) -> Response:
    """The incidents that the address asks for."""
    wanted = _rows.asked(request.query_params)
    with record.session([who.tenant]) as tx:
        board, now = _rows.board(tx, who.tenant, wanted), tx.now
    return _render.page(
        request, who, "incidents.html", now=now, here=NAV.name, fragment="incident_list.html",
        asked=wanted, board=board, severities=_rows.SEVERITIES, times=[*_rows.TIMES, "all"],
        orders=_rows.ORDERS,
        address=wanted.address(after=wanted.after),
    )  # fmt: skip


@router.post("/picked/{act}")
def act_on_picked(
    request: Request, act: str, form: viewers.Act, record: access.Recorded
) -> Response:
    """Acknowledge or resolve all that were picked; those that it does not fit stay as they are."""
    if act not in _ACTS:
        raise errors.NotFound("there is no such act for several incidents at once")
    do, word = _ACTS[act]
    picked = list(dict.fromkeys(form.texts("pick")))
    if len(picked) > _MOST:
        raise errors.BadRequest(f"at most {_MOST} incidents at once: pick fewer of them")
    done, left = 0, 0
    for incident in picked:
        try:
            do(request, incident, form.caller, record, schema.Note())
            done += 1
        except (errors.Conflict, errors.NotFound):
            left += 1
    said = "nothing_left" if not done else f"{word}_most" if left else f"{word}_all"
    return _acts.back(form, NAV.path, said)
