"""Deliveries over HTTP: what was sent where, what became of it, and once more."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from schemas import api
from schemas import delivery as schema
from tocsin import errors
from tocsin.security import audit
from tocsin.storage import deliveries, search_deliveries
from tocsin.storage.record import Transaction
from tocsin.web import access, paging, why
from workers import queues

router = APIRouter(tags=["deliveries"])


@router.get("/deliveries")
def list_deliveries(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    state: Annotated[tuple[schema.State, ...], Query()] = (),
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.DeliveryItem]:
    """The deliveries in these states (all if none is named), newest first."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = search_deliveries.deliveries(
            tx, caller.tenant, states=state, after=after, limit=limit + 1
        )
    following = paging.encode(bound, [rows[limit - 1]["id"]]) if len(rows) > limit else None
    paging.link(request, response, following)
    items = [schema.DeliveryItem(**_item(row)) for row in rows[:limit]]
    return api.Page(items=items, next=following)


@router.get("/deliveries/{delivery}")
def show_delivery(
    delivery: str, caller: access.Reader, record: access.Recorded
) -> schema.DeliveryDetail:
    """One delivery with every attempt."""
    with record.session([caller.tenant]) as tx:
        return _detail(tx, caller.tenant, delivery)


@router.post("/deliveries/{delivery}/retry")
def retry_delivery(
    request: Request, delivery: str, caller: access.Responder, record: access.Recorded
) -> schema.DeliveryDetail:
    """Take up a dead letter again, under the same idempotency key."""
    key = paging.identifier(delivery, "delivery")

    def work() -> schema.DeliveryDetail:
        with record.session([caller.tenant]) as tx:
            deliveries.retry(tx, caller.tenant, key, caller.name)
            by = access.actor(caller)
            audit.record(tx, caller.tenant, by, "delivery.retry", str(key), {"name": caller.name})
            return _detail(tx, caller.tenant, delivery)

    done = record.again(work)
    access.ring(request, queues.deliver(done.channel), done.queue)
    return done


def _detail(tx: Transaction, tenant: int, delivery: str) -> schema.DeliveryDetail:
    row = search_deliveries.delivery(tx, tenant, paging.identifier(delivery, "delivery"))
    if row is None:
        raise errors.NotFound("there is no such delivery in this tenant")
    tried = search_deliveries.attempts(tx, tenant, [row])
    history = [why.attempt(one) for one in tried[row["id"]]]
    return schema.DeliveryDetail(**_item(row), history=history)


def _item(row: dict[str, Any]) -> dict[str, Any]:
    keys = {name: str(row[name]) for name in ("id", "notification_id", "incident_id")}
    return {**row, **keys, "sentence": why.state(row)}
