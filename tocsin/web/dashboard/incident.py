"""The room of one incident: its story, its escalation, its facts, why it was told, and the acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from schemas import incident as schema
from tocsin import errors
from tocsin.storage import incident_lists, search_incidents
from tocsin.web import access, in_force, paging
from tocsin.web import incidents as api
from tocsin.web.dashboard import _acts, _faces, _plans, _render, _room, _story, viewers

router = APIRouter()

#: By the word in the address: what the API does, and the word that is said of it.
ACTS: dict[str, tuple[Callable[..., Any], str]] = {
    "ack": (api.acknowledge_incident, "acknowledged"),
    "resolve": (api.resolve_incident, "resolved"),
}
#: What can be taken back by unacknowledging.
UNDONE_BY = {"acknowledged": "unack"}


@router.get("/incidents/{incident}")
def show(request: Request, incident: str, who: viewers.Seen, record: access.Recorded) -> Response:
    """One incident. Raises NotFound, also for one of another tenant."""
    detail = api.show_incident(incident, who.caller, record)
    key = paging.identifier(detail.id, "incident")
    with record.session([who.tenant]) as tx:
        policy = in_force.policy(tx, who.tenant)
        row = search_incidents.incident(tx, who.tenant, key)
        assert row is not None  # incidents are never deleted one by one
        room = _room.of(detail)
        values: dict[str, Any] = {
            "room": room,
            "chains": _plans.chains(tx, who.tenant, policy, row, room.firing),
            "story": _story.of(
                policy, detail.timeline, incident_lists.messages(tx, who.tenant, key), tx.now
            ),
            "has_it": _face(policy, detail.acknowledged_by),
            "ended_by": _face(policy, detail.resolved_by),
            "people": [_faces.of(policy, each.name) for each in policy.people] if policy else [],
            "now": tx.now,
        }
    base = str(request.app.state.settings.public_url)
    act = "ack" if detail.state == "open" else "resolve"
    return _render.page(
        request, who, "incident.html", here="incidents", fragment="incident_room.html",
        detail=detail, commands=_room.commands(base, detail, act), acts=ACTS, **values,
    )  # fmt: skip


@router.post("/incidents/{incident}/{act}")
def do(
    request: Request, incident: str, act: str, form: viewers.Act, record: access.Recorded
) -> Response:
    """Do what the API does, and go back to where the button was."""
    if act not in ACTS:
        raise errors.NotFound("an incident has no such act; go back and load the page again")
    work, word = ACTS[act]
    note = form.text("note")[:2000] or None
    done: schema.IncidentDetail = work(
        request, incident, form.caller, record, schema.Note(note=note)
    )
    undo = done.id if UNDONE_BY.get(word) in ACTS else ""
    return _acts.back(form, f"/ui/incidents/{done.id}", word, undo=undo)


def _face(policy: Any, name: str | None) -> _faces.Face | None:
    return _faces.of(policy, name) if name else None
