"""The room of one incident: its story, its escalation, its facts, why it was told, and the acts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from schemas import incident as schema
from tocsin import errors, i18n
from tocsin.domain import oncall
from tocsin.domain.policy import Policy
from tocsin.storage import incident_lists
from tocsin.web import access, in_force, paging
from tocsin.web import incidents as api
from tocsin.web.dashboard import _acts, _faces, _plans, _render, _room, _story, viewers

router = APIRouter()

#: By the word in the address: what the API does, and the word that is said of it.
ACTS: dict[str, tuple[Callable[..., Any], str]] = {
    "ack": (api.acknowledge_incident, "acknowledged"),
    "unack": (api.unacknowledge_incident, "unacknowledged"),
    "resolve": (api.resolve_incident, "resolved"),
    "reopen": (api.reopen_incident, "reopened"),
    "handover": (api.hand_incident_over, "handed_over"),
    "snooze": (api.snooze_incident, "snoozed"),
}
#: What may be taken back for a while where it is said.
UNDONE = ("ack", "snooze")


@router.get("/incidents/{incident}")
def show(request: Request, incident: str, who: viewers.Seen, record: access.Recorded) -> Response:
    """One incident. Raises NotFound, also for one of another tenant."""
    detail = api.show_incident(incident, who.caller, record)
    key = paging.identifier(detail.id, "incident")
    with record.session([who.tenant]) as tx:
        policy = in_force.policy(tx, who.tenant)
        room = _room.of(detail)
        values: dict[str, Any] = {
            "room": room,
            "chains": _plans.told(policy, detail.escalations),
            "story": _story.of(
                policy, detail.timeline, incident_lists.messages(tx, who.tenant, key), tx.now
            ),
            "has_it": _face(policy, detail.acknowledged_by),
            "ended_by": _face(policy, detail.resolved_by),
            "handed_by": _face(policy, detail.handed_by),
            "awake": _awake(policy, tx.now),
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
    body = _body(act, form)
    if act in ("ack", "unack", "resolve", "reopen"):
        done = work(request, incident, form.caller, record, body)
    else:
        done = work(request, incident, body, form.caller, record)
    undo = done.id if act in UNDONE else ""
    return _acts.back(form, f"/ui/incidents/{done.id}", word, undo=undo)


def _body(act: str, form: viewers.Posted) -> schema.Note | schema.HandOver | schema.Snooze:
    """What the API would be sent. Raises BadRequest."""
    said = {"note": form.text("note")[:2000] or None}
    try:
        if act == "handover":
            return schema.HandOver.model_validate({"to": form.text("to"), **said})
        if act == "snooze":
            return schema.Snooze.model_validate({"for": form.text("for"), **said})
        return schema.Note.model_validate(said)
    except ValueError as error:
        raise errors.BadRequest("this form lacks something: go back and fill it in") from error


def _awake(policy: Policy | None, now: datetime) -> dict[str, str]:
    """What time it is for each of the people, and whether they are likely to be asleep."""
    found = {}
    for each in policy.people if policy else ():
        at = f"{now.astimezone(ZoneInfo(each.zone)):%H:%M}"
        asleep = not oncall.awake(each.zone, now)
        found[each.name] = i18n.say("rooms.room.asleep" if asleep else "rooms.room.awake", at=at)
    return found


def _face(policy: Policy | None, name: str | None) -> _faces.Face | None:
    return _faces.of(policy, name) if name else None
