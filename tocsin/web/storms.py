"""Storms over HTTP: what came at once, what it shares, and taking it in hand."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import orjson
from fastapi import APIRouter, Request, Response

from schemas import api
from schemas import incident as incidents
from schemas import storm as schema
from tocsin import errors
from tocsin.domain import storms as rules
from tocsin.i18n import gales
from tocsin.security import audit, tokens
from tocsin.storage import storm_acts, storms
from tocsin.storage.record import Record, Transaction
from tocsin.web import access, acting, paging

router = APIRouter(tags=["storms"])

MAX_GROUPS, MAX_SHARES = 200, 50


@router.get("/storms")
def list_storms(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.StormItem]:
    """All storms, the newest first."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = storms.listed(tx, caller.tenant, after=after, limit=limit + 1)
        items = [item(row, tx) for row in rows[:limit]]
    following = paging.encode(bound, [rows[limit - 1]["id"]]) if len(rows) > limit else None
    paging.link(request, response, following)
    return api.Page(items=items, next=following)


@router.get("/storms/{storm}")
def show_storm(storm: str, caller: access.Reader, record: access.Recorded) -> schema.StormDetail:
    """One storm: what its alerts share, its groups, and who heard of it."""
    with record.session([caller.tenant]) as tx:
        return _detail(tx, caller.tenant, paging.identifier(storm, "storm"))


@router.post("/storms/{storm}/ack")
def acknowledge_storm(
    request: Request,
    storm: str,
    caller: access.Responder,
    record: access.Recorded,
    body: incidents.Note | None = None,
) -> schema.StormDetail:
    """Somebody has all of it: its incident, and those of what passed beside it."""
    note = (body.note if body else None) or ""

    def act(tx: Transaction, row: uuid.UUID) -> object:
        timeout = acting.ack_timeout(tx, caller.tenant)
        return storm_acts.acknowledge(tx, caller.tenant, row, caller.name, note, timeout=timeout)

    return _do(request, record, caller, "ack", act, storm, {"note": note})


@router.post("/storms/{storm}/end")
def end_storm(
    request: Request,
    storm: str,
    caller: access.Responder,
    record: access.Recorded,
    body: incidents.Note | None = None,
) -> schema.StormDetail:
    """It is over: what still fires of it is told now, and what is new is told as ever."""
    note = (body.note if body else None) or ""

    def act(tx: Transaction, row: uuid.UUID) -> object:
        return storm_acts.end(tx, caller.tenant, row, caller.name)

    return _do(request, record, caller, "end", act, storm, {"note": note})


@router.post("/storms/{storm}/promote")
def promote_group(
    request: Request,
    storm: str,
    body: schema.Promote,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.StormDetail:
    """Take a group out of the storm: it becomes an incident of its own and pages."""
    note = body.note or ""

    def act(tx: Transaction, row: uuid.UUID) -> object:
        return storm_acts.promote(tx, caller.tenant, row, body.group, caller.name, note)

    detail = {"group": str(body.group), "note": note}
    return _do(request, record, caller, "promote", act, storm, detail)


def _do(
    request: Request,
    record: Record,
    caller: tokens.Caller,
    name: str,
    act: Callable[[Transaction, uuid.UUID], object],
    storm: str,
    detail: dict[str, Any],
) -> schema.StormDetail:
    row = paging.identifier(storm, "storm")

    def work() -> schema.StormDetail:
        with record.session([caller.tenant]) as tx:
            if storms.one(tx, caller.tenant, row) is None:
                raise errors.NotFound("there is no such storm in this tenant")
            act(tx, row)
            said = {"name": caller.name, **{k: v for k, v in detail.items() if v}}
            by = access.actor(caller)
            audit.record(tx, caller.tenant, by, f"storm.{name}", str(row), said)
            return _detail(tx, caller.tenant, row)

    done = record.again(work)
    acting.ring(request)
    access.ring(request, "digest", access.stage_queue(request, "digest"))
    return done


def _detail(tx: Transaction, tenant: int, key: uuid.UUID) -> schema.StormDetail:
    row = storms.one(tx, tenant, key)
    if row is None:
        raise errors.NotFound("there is no such storm in this tenant")
    shares = rules.shares(storms.pairs(row["labels"]), row["alerts"], MAX_SHARES)
    return schema.StormDetail(
        **item(row, tx).model_dump(),
        shares=[
            schema.ShareItem(name=one.name, value=one.value, alerts=one.alerts, share=one.part)
            for one in shares
        ],
        group_list=[_group(one) for one in storms.groups(tx, row, MAX_GROUPS)],
        told=[
            schema.StormToldItem(**{**one, "times": one["times"] or 0})
            for one in storms.listeners(tx, row)
        ],
    )


def item(row: dict[str, Any], tx: Transaction) -> schema.StormItem:
    """A storm of the record as the API shows it."""
    phase = rules.phase(row["ended_at"], row["digest_at"], row["closed_at"])
    lasts = (row["ended_at"] or tx.now) - (row["since"] or row["began_at"])
    shared = rules.said(storms.pairs(row["labels"]), row["alerts"])
    return schema.StormItem(
        **{
            **row,
            "id": str(row["id"]),
            "state": {"under way": "active", "closed": "closed"}.get(phase, "over"),
            "title": gales.title(row["alerts"], lasts, shared),
            "due_at": row["due_at"] if phase == "under way" else None,
            "incident_id": str(row["incident_id"]) if row["incident_id"] else None,
            "incident_state": row["state"],
            "acknowledged_by": row["acknowledged_by"] if row["state"] == "acknowledged" else None,
        }
    )


def _group(row: dict[str, Any]) -> schema.StormGroupItem:
    return schema.StormGroupItem(
        **{
            **row,
            "id": str(row["group_id"]),
            "labels": orjson.loads(row["labels"]),
            "folded": row["alerts"],
            "incident_id": str(row["incident_id"]) if row["incident_id"] else None,
            "incident_state": row["state"],
            "sentence": gales.standing(row),
        }
    )
