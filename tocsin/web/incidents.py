"""Incidents over HTTP: read them, act on them, and see why somebody was told."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from schemas import api
from schemas import incident as schema
from tocsin import errors, i18n
from tocsin.security import audit, tokens
from tocsin.storage import incidents, search_incidents
from tocsin.storage.record import Record, Transaction
from tocsin.web import access, alerts, paging, why

router = APIRouter(tags=["incidents"])

MAX_ALERTS = 200


@router.get("/incidents")
def list_incidents(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    state: Annotated[tuple[schema.State, ...], Query()] = (),
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.IncidentItem]:
    """The incidents in these states (all if none is named), newest first."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = search_incidents.incidents(
            tx, caller.tenant, states=state, after=after, limit=limit + 1
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
    """Somebody has it: nobody else is paged for it. Twice is harmless."""
    return _act(request, record, caller, incidents.acknowledge, incident, body)


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


def _act(
    request: Request,
    record: Record,
    caller: tokens.Caller,
    act: Callable[[Transaction, int, Any, str, str], Any],
    incident: str,
    body: schema.Note | None,
) -> schema.IncidentDetail:
    row = paging.identifier(incident, "incident")
    note = (body.note if body else None) or ""

    def work() -> schema.IncidentDetail:
        with record.session([caller.tenant]) as tx:
            act(tx, caller.tenant, row, caller.name, note)
            detail = {"name": caller.name, "note": note}
            by = access.actor(caller)
            audit.record(tx, caller.tenant, by, f"incident.{act.__name__}", str(row), detail)
            return _detail(tx, caller.tenant, incident)

    done = record.again(work)
    access.ring(request, "flush", access.stage_queue(request, "flush"))
    return done


def _detail(tx: Transaction, tenant: int, incident: str) -> schema.IncidentDetail:
    key = paging.identifier(incident, "incident")
    row = search_incidents.incident(tx, tenant, key)
    if row is None:
        raise errors.NotFound("there is no such incident in this tenant")
    members = search_incidents.alerts(tx, tenant, row["group_id"], MAX_ALERTS)
    return schema.IncidentDetail(
        **_item(row).model_dump(),
        alerts=alerts.describe(tx, tenant, members),
        alerts_total=members[0]["total"] if members else 0,
        timeline=[_told(line) for line in search_incidents.timeline(tx, tenant, key)],
        explanation=why.explain(tx, tenant, row),
    )


def _item(row: dict[str, Any]) -> schema.IncidentItem:
    return schema.IncidentItem(
        **{
            **row,
            "id": str(row["id"]),
            "group_id": str(row["group_id"]),
            "group_labels": orjson.loads(row["labels"]),
        }
    )


def _told(row: dict[str, Any]) -> schema.TimelineItem:
    detail = orjson.loads(row["detail"] or "{}")
    if not isinstance(detail, dict):
        detail = {"text": detail}
    told = ", ".join(detail["reasons"]) if isinstance(detail.get("reasons"), dict) else ""
    sentence = i18n.say(
        f"timeline.{row['kind']}", actor=row["actor"], n=detail.get("alerts", 0), receivers=told
    )
    if detail.get("note"):
        sentence += " " + i18n.say("timeline.note", note=detail["note"])
    return schema.TimelineItem(**{**row, "detail": detail, "sentence": sentence})
