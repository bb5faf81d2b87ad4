"""What must be heard again and again: how each heartbeat is, and whether it is expected at all."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from tocsin import errors
from tocsin.web import access
from tocsin.web import heartbeats as api
from tocsin.web.dashboard import _acts, _beats, _render, viewers

router = APIRouter()

SAID = {"pause": "beat_paused", "resume": "beat_resumed"}


@router.get("/heartbeats")
def heartbeats(request: Request, record: access.Recorded, who: viewers.Seen) -> Response:
    """All of them, what needs somebody first."""
    with record.session([who.tenant]) as tx:
        found, at = _beats.listed(request, tx, who.caller), tx.now
    return _render.page(
        request, who, "heartbeats.html", fragment="heartbeats_part.html", now=at, here="now",
        beats=found, counted=_beats.counted(found), may_act=who.may("respond"), looks=_beats.LOOKS,
    )  # fmt: skip


@router.post("/heartbeats/{name}/{what}")
def act(
    request: Request, name: str, what: str, record: access.Recorded, form: viewers.Act
) -> Response:
    """Pause or resume one."""
    if what not in SAID:
        raise errors.NotFound("there is no such act; a heartbeat can be paused and resumed")
    api.act(request, record, form.caller, name, what)
    return _acts.back(form, "/ui/heartbeats", SAID[what])
