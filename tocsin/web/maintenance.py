"""Maintenance windows over HTTP: planned work, during which nobody is told of what it stirs up."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi import APIRouter, Request, Response

from schemas import api, services
from schemas import silence as schema
from tocsin import errors
from tocsin.domain import matchers
from tocsin.security import audit
from tocsin.storage import silences
from tocsin.storage.record import Transaction
from tocsin.web import access, in_force, paging, silencing
from tocsin.web import silences as single

router = APIRouter(tags=["maintenance"])


@router.post("/maintenance", status_code=201)
def create_maintenance(
    request: Request,
    response: Response,
    body: schema.NewMaintenance,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.MaintenanceItem:
    """Mute what matches, or what belongs to these services, from the start to the end."""
    single.allow_override(caller, body)

    def work() -> schema.MaintenanceItem:
        with record.session([caller.tenant]) as tx:
            wanted = _wanted(tx, caller.tenant, body)
            beyond = silencing.guard(tx, caller.tenant, wanted, override=body.override)
            terms = silences.Terms(
                wanted.texts, wanted.starts_at, wanted.ends_at, body.comment, overridden=beyond
            )
            made = silences.make(tx, caller.tenant, terms, caller.name, window=body.name)
            said = {**single.detail(terms), "window": body.name, "name": caller.name}
            by = access.actor(caller)
            audit.record(tx, caller.tenant, by, "maintenance.create", str(made), said)
            return _item(tx, caller.tenant, made)

    made = record.again(work)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return made


@router.post("/maintenance/preview")
def preview_maintenance(
    body: schema.NewMaintenance, caller: access.Reader, record: access.Recorded
) -> schema.Preview:
    """What such a window would mute if it were now, and what it would have in the last day."""
    with record.session([caller.tenant]) as tx:
        return silencing.preview(tx, caller.tenant, _wanted(tx, caller.tenant, body))


@router.get("/maintenance")
def list_maintenance(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    state: single.State = "all",
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.MaintenanceItem]:
    """The windows that are in this state now, newest first."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = silences.listed(
            tx, caller.tenant, state=state, after=after, limit=limit + 1, kind=silences.MAINTENANCE
        )
        found = _items(tx, caller.tenant, rows[:limit])
    following = paging.encode(bound, [rows[limit - 1]["id"]]) if len(rows) > limit else None
    paging.link(request, response, following)
    return api.Page(items=found, next=following)


@router.get("/maintenance/{window}")
def show_maintenance(
    window: str, caller: access.Reader, record: access.Recorded
) -> schema.MaintenanceItem:
    """One window."""
    with record.session([caller.tenant]) as tx:
        return _item(tx, caller.tenant, paging.identifier(window, "maintenance window"))


@router.delete("/maintenance/{window}")
def end_maintenance(
    request: Request, window: str, caller: access.Responder, record: access.Recorded
) -> schema.MaintenanceItem:
    """End a window now, or call it off before it begins; it stays to be read."""
    key = paging.identifier(window, "maintenance window")

    def work() -> schema.MaintenanceItem:
        with record.session([caller.tenant]) as tx:
            _item(tx, caller.tenant, key)
            if silences.expire(tx, caller.tenant, key, caller.name):
                by, said = access.actor(caller), {"name": caller.name}
                audit.record(tx, caller.tenant, by, "maintenance.end", str(key), said)
            return _item(tx, caller.tenant, key)

    done = record.again(work)
    access.ring(request, "unmute", access.stage_queue(request, "unmute"))
    return done


def _wanted(tx: Transaction, tenant: int, body: schema.NewMaintenance) -> silencing.Wanted:
    """What a request wants to be muted. Raises Invalid."""
    policy = in_force.policy(tx, tenant)
    label = policy.services.label if policy else services.LABEL
    conditions = silencing.conditions([*body.matchers, *_services(label, body.services)])
    return silencing.Wanted(conditions, *silencing.bounds(body, tx.now))


def _services(label: str, names: list[str]) -> list[str]:
    """The matcher for alerts of one of these services."""
    if len(names) <= 1:
        return [str(matchers.Matcher(label, "=", name)) for name in names]
    try:
        either = "|".join(re.escape(name) for name in names)
        return [str(matchers.Matcher(label, "=~", either))]
    except ValueError as error:
        raise errors.Invalid([("#/services", f"{error}; or make two windows")]) from error


def _items(
    tx: Transaction, tenant: int, rows: Iterable[Mapping[str, Any]]
) -> list[schema.MaintenanceItem]:
    every = list(rows)
    holds = silences.holds(tx, tenant, [row["id"] for row in every])
    return [schema.MaintenanceItem(**single.shown(row, tx.now, holds)) for row in every]


def _item(tx: Transaction, tenant: int, window: uuid.UUID) -> schema.MaintenanceItem:
    row = silences.get(tx, tenant, window, silences.MAINTENANCE)
    if row is None:
        raise errors.NotFound("there is no such maintenance window in this tenant")
    [found] = _items(tx, tenant, [row])
    return found
