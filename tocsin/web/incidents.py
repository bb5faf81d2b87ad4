"""Incidents over HTTP: read them, act on them, and see why somebody was told."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from schemas import api, parts
from schemas import incident as schema
from tocsin import errors, i18n
from tocsin.i18n import chains as stories
from tocsin.i18n import failovers, joins
from tocsin.security import audit, tokens
from tocsin.storage import incidents, regrouping, search_incidents
from tocsin.storage.record import Record, Transaction
from tocsin.web import access, acting, alerts, chains, levels, paging, why

router = APIRouter(tags=["incidents"])

MAX_ALERTS = 200


@router.get("/incidents")
def list_incidents(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    state: Annotated[tuple[schema.State, ...], Query()] = (),
    order: schema.Order = "newest",
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.IncidentItem]:
    """The incidents in these states (all if none is named), newest first unless `order` says so."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = search_incidents.incidents(
            tx, caller.tenant, states=state, order=order, after=after, limit=limit + 1
        )
    following = paging.encode(bound, [rows[limit - 1]["id"]]) if len(rows) > limit else None
    paging.link(request, response, following)
    return api.Page(items=[_item(row) for row in rows[:limit]], next=following)


@router.get("/incidents/{incident}")
def show_incident(
    incident: str, caller: access.Reader, record: access.Recorded
) -> schema.IncidentDetail:
    """One incident: facts, alerts, timeline, and the explanation of each notification."""
    with record.session([caller.tenant]) as tx:
        return _detail(tx, caller.tenant, incident)


@router.post("/incidents/{incident}/ack")
def acknowledge_incident(
    request: Request,
    incident: str,
    caller: access.Responder,
    record: access.Recorded,
    body: schema.Note | None = None,
) -> schema.IncidentDetail:
    """Somebody has it: nobody else is paged for it. Twice is harmless; it ends a snooze."""

    def act(tx: Transaction, tenant: int, row: Any, by: str, note: str) -> Any:
        timeout = acting.ack_timeout(tx, tenant)
        return incidents.acknowledge(tx, tenant, row, by, note, timeout=timeout)

    note = (body.note if body else None) or ""
    return _do(request, record, caller, "acknowledge", act, incident, note, {})


@router.post("/incidents/{incident}/unack")
def unacknowledge_incident(
    request: Request,
    incident: str,
    caller: access.Responder,
    record: access.Recorded,
    body: schema.Note | None = None,
) -> schema.IncidentDetail:
    """Take an acknowledgement back: it is open, escalations begin anew. Twice is harmless."""
    return _act(request, record, caller, incidents.unacknowledge, incident, body)


@router.post("/incidents/{incident}/resolve")
def resolve_incident(
    request: Request,
    incident: str,
    caller: access.Responder,
    record: access.Recorded,
    body: schema.Note | None = None,
) -> schema.IncidentDetail:
    """It is over. Twice is harmless."""
    return _act(request, record, caller, incidents.resolve, incident, body)


@router.post("/incidents/{incident}/reopen")
def reopen_incident(
    request: Request,
    incident: str,
    caller: access.Responder,
    record: access.Recorded,
    body: schema.Note | None = None,
) -> schema.IncidentDetail:
    """It was resolved by mistake: what of it fires speaks again. 409 where nothing fires."""
    return _act(request, record, caller, incidents.reopen, incident, body)


@router.post("/incidents/{incident}/handover")
def hand_incident_over(
    request: Request,
    incident: str,
    body: schema.HandOver,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.IncidentDetail:
    """Let another person have it, who is paged by what is important to them.

    Handed to oneself it is taken over from whoever has it.
    """

    def act(tx: Transaction, tenant: int, row: Any, by: str, note: str) -> Any:
        # First of all, so that another tenant's incident is as unknown as one that is not.
        incidents.held(tx, tenant, row)
        if body.to != by:
            acting.reachable(tx, tenant, body.to)
        timeout = acting.ack_timeout(tx, tenant)
        return incidents.hand_over(tx, tenant, row, by, note, to=body.to, timeout=timeout)

    return _do(request, record, caller, "hand_over", act, incident, body.note or "",
               {"to": body.to})  # fmt: skip


@router.post("/incidents/{incident}/snooze")
def snooze_incident(
    request: Request,
    incident: str,
    body: schema.Snooze,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.IncidentDetail:
    """Acknowledge it for a while; then it is open again, and escalations begin anew."""

    def act(tx: Transaction, tenant: int, row: Any, by: str, note: str) -> Any:
        return incidents.snooze(tx, tenant, row, by, note, lasts=body.for_)

    lasts = {"for": parts.say_duration(body.for_)}
    return _do(request, record, caller, "snooze", act, incident, body.note or "", lasts)


@router.post("/incidents/{incident}/merge")
def merge_incidents(
    request: Request,
    incident: str,
    body: schema.Merge,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.IncidentDetail:
    """Take the groups of other incidents into this one, which keeps its state; those end."""

    def act(tx: Transaction, tenant: int, row: Any, by: str, note: str) -> Any:
        return regrouping.merge(tx, tenant, row, body.from_, by, note)

    detail = {"from": [str(one) for one in body.from_]}
    return _do(request, record, caller, "merge", act, incident, body.note or "", detail)


@router.post("/incidents/{incident}/split")
def split_incident(
    request: Request,
    incident: str,
    body: schema.Split,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.IncidentDetail:
    """Take groups out into an open incident of their own, which is answered. Nobody is paged."""

    def act(tx: Transaction, tenant: int, row: Any, by: str, note: str) -> Any:
        return regrouping.split(tx, tenant, row, body.groups, by, note)

    detail = {"groups": [str(one) for one in body.groups]}
    return _do(request, record, caller, "split", act, incident, body.note or "", detail)


Act = Callable[[Transaction, int, Any, str, str], Any]


def _act(
    request: Request,
    record: Record,
    caller: tokens.Caller,
    act: Act,
    incident: str,
    body: schema.Note | None,
) -> schema.IncidentDetail:
    note = (body.note if body else None) or ""
    return _do(request, record, caller, act.__name__, act, incident, note, {})


def _do(
    request: Request,
    record: Record,
    caller: tokens.Caller,
    name: str,
    act: Act,
    incident: str,
    note: str,
    detail: dict[str, Any],
) -> schema.IncidentDetail:
    row = paging.identifier(incident, "incident")

    def work() -> schema.IncidentDetail:
        with record.session([caller.tenant]) as tx:
            done = act(tx, caller.tenant, row, caller.name, note)
            said = {"name": caller.name, "note": note, **detail}
            by = access.actor(caller)
            audit.record(tx, caller.tenant, by, f"incident.{name}", str(row), said)
            return _detail(tx, caller.tenant, str(done["id"]))

    done = record.again(work)
    acting.ring(request)
    return done


def _detail(tx: Transaction, tenant: int, incident: str) -> schema.IncidentDetail:
    key = paging.identifier(incident, "incident")
    row = search_incidents.incident(tx, tenant, key)
    if row is None:
        raise errors.NotFound("there is no such incident in this tenant")
    groups = [_group(each) for each in search_incidents.groups(tx, tenant, key)]
    held = [uuid.UUID(group.id) for group in groups if group.left_at is None]
    members = search_incidents.alerts(tx, tenant, held, MAX_ALERTS)
    return schema.IncidentDetail(
        **_item(row).model_dump(),
        groups=groups,
        alerts=alerts.describe(tx, tenant, members),
        alerts_total=members[0]["total"] if members else 0,
        timeline=[_told(line) for line in search_incidents.timeline(tx, tenant, key)],
        service_levels=levels.of(tx, tenant, row),
        explanation=why.explain(tx, tenant, row, groups),
        escalations=chains.of_incident(
            tx, tenant, row, sum(member["status"] == "firing" for member in members)
        ),
    )


def _item(row: dict[str, Any]) -> schema.IncidentItem:
    return schema.IncidentItem(
        **{
            **row,
            "id": str(row["id"]),
            "group_id": str(row["group_id"]),
            "merged_into": str(row["merged_into"]) if row["merged_into"] else None,
            "group_labels": orjson.loads(row["labels"]),
        }
    )


def _pairs(labels: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels.items())


def _group(row: dict[str, Any]) -> schema.GroupItem:
    detail = orjson.loads(row["detail"])
    return schema.GroupItem(
        **{
            **row,
            "id": str(row["id"]),
            "labels": orjson.loads(row["labels"]),
            "detail": detail,
            "sentence": joins.sentence(row["reason"], detail, row["confidence"]),
        }
    )


def _told(row: dict[str, Any]) -> schema.TimelineItem:
    detail = orjson.loads(row["detail"] or "{}")
    if not isinstance(detail, dict):
        detail = {"text": detail}
    if row["kind"].startswith(stories.KIND):
        sentence = stories.story(row["kind"], detail, row["actor"])
        return schema.TimelineItem(**{**row, "detail": detail, "sentence": sentence})
    if row["kind"].startswith(failovers.KIND):
        sentence = failovers.story(row["kind"], detail)
        return schema.TimelineItem(**{**row, "detail": detail, "sentence": sentence})
    told = ", ".join(detail["reasons"]) if isinstance(detail.get("reasons"), dict) else ""
    named = detail.get("group_labels")
    sentence = i18n.say(
        f"timeline.{row['kind']}", actor=row["actor"], n=detail.get("alerts", 0), receivers=told,
        labels=_pairs(named) if isinstance(named, dict) else "", note=detail.get("note", ""),
        incidents=", ".join(detail.get("from") or [detail.get("incident", "")]),
        until=acting.shown(detail.get("until")), since=acting.shown(detail.get("since")),
        **{name: detail.get(name, "") for name in ("to", "before", "level", "clock", "within")},
        due=detail.get("due_at", ""),
    )  # fmt: skip
    if detail.get("until") and row["kind"] in ("acknowledged", "handed_over", "taken_over"):
        sentence += " " + i18n.say("timeline.reopens", until=acting.shown(detail["until"]))
    if row["kind"] == "joined":
        sentence += " " + joins.sentence(
            detail.get("reason", ""), detail, detail.get("confidence", 0)
        )
    if detail.get("note") and row["kind"] != "left":
        sentence += " " + i18n.say("timeline.note", note=detail["note"])
    return schema.TimelineItem(**{**row, "detail": detail, "sentence": sentence})
