"""Acts on many deliveries at once: counted first, then done to what was counted, audited."""

from __future__ import annotations

import hashlib
from collections.abc import Set
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson
import psycopg
from fastapi import APIRouter, Request

from schemas import delivery as schema
from tocsin import errors, i18n
from tocsin.security import audit, tokens
from tocsin.storage import desk
from tocsin.storage.record import Record
from tocsin.web import access, acting, paging
from workers import queues

router = APIRouter(tags=["deliveries"])

Act = Literal["retry", "drop"]
#: One transaction does so many; a count that is older than this is made again.
BATCH, HOLDS = 2000, timedelta(hours=1)
OPEN: dict[str, Set[str]] = {"retry": {"retrying", "dead"}, "drop": {"queued", "retrying", "dead"}}


@router.get("/deliveries/summary")
def summarize_deliveries(caller: access.Reader, record: access.Recorded) -> schema.Summary:
    """How many deliveries stand where: what is not over, and what ended in the last day."""
    with record.session([caller.tenant]) as tx:
        return schema.Summary(**desk.counts(tx, caller.tenant, schema.Chosen()))


@router.post("/deliveries/retry")
def retry_deliveries(
    request: Request, body: schema.Retry, caller: access.Responder, record: access.Recorded
) -> schema.Counted | schema.Done:
    """Send again all that is chosen: dead letters, or what waits for its next attempt.

    With `dry_run` it only counts; the same with the `confirm` of that answer does it, to what was
    there when it was counted. Twice is harmless.
    """
    if body.dry_run:
        return count(record, caller, "retry", body.filter)
    return apply(request, record, caller, "retry", body.filter, body.confirm)


@router.post("/deliveries/drop")
def drop_deliveries(
    request: Request, body: schema.Drop, caller: access.Responder, record: access.Recorded
) -> schema.Counted | schema.Done:
    """Give up for good all that is chosen and is dead or waits. Counted first, as for a retry."""
    if body.dry_run:
        return count(record, caller, "drop", body.filter)
    return apply(request, record, caller, "drop", body.filter, body.confirm, body.reason)


def count(record: Record, caller: tokens.Caller, act: Act, chosen: schema.Chosen) -> schema.Counted:
    """What the act would come to; raises Invalid where nothing can be done to such deliveries."""
    _open(act, chosen)
    with record.session([caller.tenant]) as tx:
        found = desk.judge(tx, caller.tenant, act, chosen, tx.now)
        as_of = tx.now
    matching = found["can"] + found["newer"] + found["on_the_way"]
    said = i18n.say(f"desk.{act}", n=found["can"], places=_places(found["destinations"]))
    for left in ("newer", "on_the_way"):
        if found[left]:
            said += " " + i18n.say(f"desk.{left}", n=found[left])
    confirm = paging.encode(_bound(caller.tenant, act, chosen), [as_of.isoformat()])
    return schema.Counted(matching=matching, **found, confirm=confirm, sentence=said)


def apply(
    request: Request, record: Record, caller: tokens.Caller, act: Act, chosen: schema.Chosen,
    confirm: str | None, reason: str = "",
) -> schema.Done:  # fmt: skip
    """Do what was counted. Raises Invalid, and BadRequest where `confirm` is not of this filter."""
    _open(act, chosen)
    if not confirm:
        raise errors.Invalid([("#/confirm", "count first: send the same with dry_run")])
    as_of = _counted_at(record, caller, act, chosen, confirm)
    cause = i18n.say(f"desk.cause_{act}", by=caller.name, reason=reason)
    total, rings = 0, set()
    while done := record.again(lambda: _batch(record, caller, act, chosen, as_of, cause)):
        total += len(done)
        rings |= {(row["channel"], row["queue"]) for row in done}
    for channel, queue in sorted(rings) if act == "retry" else ():
        access.ring(request, queues.deliver(channel), queue)
    if act == "drop" and total:
        acting.ring(request)  # an incident whose last page was dropped is open again
    return schema.Done(done=total, sentence=i18n.say(f"desk.done_{act}", n=total))


def _batch(
    record: Record, caller: tokens.Caller, act: Act, chosen: schema.Chosen, as_of: datetime,
    cause: str,
) -> list[dict[str, Any]]:  # fmt: skip
    with record.session([caller.tenant]) as tx:
        try:
            done = desk.act(tx, caller.tenant, act, chosen, as_of, cause, BATCH)
        except psycopg.errors.UniqueViolation as error:
            # Its line got something new at this very moment: judged again, it is left alone.
            raise errors.Again from error
        if done:
            detail = {
                "name": caller.name, "cause": cause, "filter": chosen.model_dump(mode="json"),
                "number": len(done), "first": str(done[0]["id"]),
            }  # fmt: skip
            by = access.actor(caller)
            audit.record(tx, caller.tenant, by, f"deliveries.{act}", chosen.standing, detail)
        return [dict(row) for row in done]


def _counted_at(
    record: Record, caller: tokens.Caller, act: Act, chosen: schema.Chosen, confirm: str
) -> datetime:
    try:
        [text] = paging.decode(_bound(caller.tenant, act, chosen), confirm, 1)
        as_of = datetime.fromisoformat(text)
    except (errors.BadRequest, ValueError) as error:
        raise errors.BadRequest(
            "this confirmation is not of a count with this filter: count again"
        ) from error
    with record.session([caller.tenant]) as tx:
        if as_of.tzinfo is None or not timedelta(0) <= tx.now - as_of <= HOLDS:
            raise errors.Conflict("this count is older than an hour: count again")
    return as_of


def _open(act: Act, chosen: schema.Chosen) -> None:
    if chosen.standing not in OPEN[act]:
        allowed = ", ".join(sorted(OPEN[act]))
        raise errors.Invalid([("#/filter/standing", f"choose from {allowed} for a {act}")])


def _bound(tenant: int, act: str, chosen: schema.Chosen) -> str:
    """What a confirmation is bound to: it is refused with any other filter."""
    said = orjson.dumps([tenant, act, chosen.model_dump(mode="json")])
    return hashlib.sha256(said).hexdigest()[:32]


def _places(n: int) -> str:
    return i18n.say("desk.places", n=n)
