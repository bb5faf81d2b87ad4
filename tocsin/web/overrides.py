"""Overrides of on-call schedules over HTTP: who stands in, from when to when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from schemas import api, parts
from schemas import oncall as schema
from tocsin import errors
from tocsin.config import problems
from tocsin.domain.policy import Policy
from tocsin.security import audit, tokens
from tocsin.storage import overrides
from tocsin.storage.record import Transaction
from tocsin.web import access, in_force, oncall, paging

router = APIRouter(tags=["on-call"])

LONGEST = timedelta(days=366)
State = Annotated[
    Literal["active", "pending", "expired", "all"], Query(description="Only those in this state.")
]
Schedule = Annotated[api.Words | None, Query(description="Only those of this schedule.")]


@router.post("/oncall/overrides", status_code=201)
def create_override(
    request: Request,
    response: Response,
    body: schema.NewOverride,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.OverrideItem:
    """Let somebody stand in. A start in the past counts as now: what was, is not written anew."""

    def work() -> schema.OverrideItem:
        with record.session([caller.tenant]) as tx:
            terms = _terms(in_force.policy(tx, caller.tenant), body, tx.now)
            made = overrides.create(tx, caller.tenant, terms, caller.name)
            _note(tx, caller, "override.create", made, terms)
            return _item(tx, caller.tenant, made)

    made = record.again(work)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return made


@router.get("/oncall/overrides")
def list_overrides(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    state: State = "all",
    schedule: Schedule = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.OverrideItem]:
    """The overrides that are in this state now, newest first."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = overrides.listed(
            tx, caller.tenant, state=state, schedule=schedule, after=after, limit=limit + 1
        )
        found = [_shown(row, tx.now) for row in rows[:limit]]
    following = paging.encode(bound, [rows[limit - 1]["id"]]) if len(rows) > limit else None
    paging.link(request, response, following)
    return api.Page(items=found, next=following)


@router.get("/oncall/overrides/{override}")
def show_override(
    override: str, caller: access.Reader, record: access.Recorded
) -> schema.OverrideItem:
    """One override."""
    with record.session([caller.tenant]) as tx:
        return _item(tx, caller.tenant, paging.identifier(override, "override"))


@router.delete("/oncall/overrides/{override}")
def end_override(
    override: str, caller: access.Responder, record: access.Recorded
) -> schema.OverrideItem:
    """End an override now, or call it off before it begins; it stays to be read. Twice is harmless.

    From now on the layers say who is on call.
    """
    key = paging.identifier(override, "override")

    def work() -> schema.OverrideItem:
        with record.session([caller.tenant]) as tx:
            _item(tx, caller.tenant, key)
            if overrides.end(tx, caller.tenant, key):
                by, said = access.actor(caller), {"name": caller.name}
                audit.record(tx, caller.tenant, by, "override.end", str(key), said)
            return _item(tx, caller.tenant, key)

    return record.again(work)


def _terms(policy: Policy | None, body: schema.NewOverride, now: datetime) -> overrides.Terms:
    """Raises Invalid that says what to write instead."""
    known = policy.schedules if policy else {}
    people = [each.name for each in policy.people] if policy else []
    wrong = []
    if body.schedule not in known:
        said = f"there is no schedule `{body.schedule}`" + problems.suggest(body.schedule, known)
        wrong.append(("#/schedule", said))
    if body.person not in people:
        said = f"there is nobody called `{body.person}`" + problems.suggest(body.person, people)
        wrong.append(("#/person", said))
    if wrong:
        raise errors.Invalid(wrong)
    starts_at, ends_at = _bounds(body, known[body.schedule].zone, now)
    return overrides.Terms(body.schedule, body.person, starts_at, ends_at, body.note or "")


def _bounds(body: schema.NewOverride, zone: str, now: datetime) -> tuple[datetime, datetime]:
    starts_at = oncall.moment("#/starts_at", body.starts_at, zone, now) or now
    if (body.ends_at is None) == (body.duration is None):
        raise errors.Invalid([("#/ends_at", "give either ends_at or duration")])
    pointer = "#/ends_at" if body.duration is None else "#/duration"
    ends_at = oncall.moment(pointer, body.ends_at, zone, starts_at)
    if ends_at is None:
        try:
            ends_at = starts_at + parts.parse_duration(body.duration)
        except ValueError as error:
            raise errors.Invalid([(pointer, str(error))]) from error
    if ends_at <= starts_at:
        raise errors.Invalid([(pointer, "the override must end after it starts")])
    if ends_at <= now:
        raise errors.Invalid([(pointer, "the override would be over already")])
    starts_at = max(starts_at, now)
    if ends_at - starts_at > LONGEST:
        said = "longer than a year: change the schedule in the policy instead"
        raise errors.Invalid([(pointer, said)])
    return starts_at, ends_at


def _note(
    tx: Transaction, caller: tokens.Caller, act: str, key: uuid.UUID, terms: overrides.Terms
) -> None:
    said = {
        "schedule": terms.schedule, "person": terms.person, "note": terms.note,
        "starts_at": terms.starts_at.isoformat(), "ends_at": terms.ends_at.isoformat(),
        "name": caller.name,
    }  # fmt: skip
    audit.record(tx, caller.tenant, access.actor(caller), act, str(key), said)


def _item(tx: Transaction, tenant: int, override: uuid.UUID) -> schema.OverrideItem:
    row = overrides.get(tx, tenant, override)
    if row is None:
        raise errors.NotFound("there is no such override in this tenant")
    return _shown(row, tx.now)


def _shown(row: Mapping[str, Any], now: datetime) -> schema.OverrideItem:
    state: schema.State = "active"
    if row["until"] <= now or row["ended_at"]:
        state = "expired"
    elif row["starts_at"] > now:
        state = "pending"
    return schema.OverrideItem(
        id=str(row["id"]), state=state,
        **{key: row[key] for key in ("schedule", "person", "starts_at", "ends_at", "note",
                                     "created_by", "created_at", "ended_at")},
    )  # fmt: skip
