"""Silences over HTTP: what shall not be told, until when, why, and who said so."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from schemas import api
from schemas import silence as schema
from tocsin import errors
from tocsin.security import audit, tokens
from tocsin.storage import silences
from tocsin.storage.record import Transaction
from tocsin.web import access, openapi, paging, silencing, versions

router = APIRouter(tags=["silences"])

States = Literal["active", "pending", "expired", "all"]
#: An answer of a change that came too late.
OVER: dict[str, Any] = {
    "description": "It is over: make a new one.",
    "content": openapi.PROBLEM,
}
#: What the list may be narrowed to.
State = Annotated[States, Query()]


@router.post("/silences", status_code=201)
def create_silence(
    request: Request,
    response: Response,
    body: schema.NewSilence,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.SilenceItem:
    """Keep alerts quiet that match all the matchers. The author is the holder of the token."""
    conditions = silencing.conditions(body.matchers)
    allow_override(caller, body)

    def work() -> schema.SilenceItem:
        with record.session([caller.tenant]) as tx:
            wanted = silencing.Wanted(conditions, *silencing.bounds(body, tx.now))
            beyond = silencing.guard(tx, caller.tenant, wanted, override=body.override)
            terms = _terms(body, wanted, beyond)
            made = silences.make(tx, caller.tenant, terms, caller.name)
            _note(tx, caller, "silence.create", made, detail(terms))
            return item(tx, caller.tenant, _stored(tx, caller.tenant, made))

    made = record.again(work)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    versions.tag(response, made.version)
    return made


@router.get("/silences")
def list_silences(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    state: State = "active",
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.SilenceItem]:
    """The silences that are in this state now, newest first."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = silences.listed(tx, caller.tenant, state=state, after=after, limit=limit + 1)
        found = items(tx, caller.tenant, rows[:limit])
    following = paging.encode(bound, [rows[limit - 1]["id"]]) if len(rows) > limit else None
    paging.link(request, response, following)
    return api.Page(items=found, next=following)


@router.get("/silences/{silence}")
def show_silence(
    response: Response, silence: str, caller: access.Reader, record: access.Recorded
) -> schema.SilenceItem:
    """One silence."""
    with record.session([caller.tenant]) as tx:
        key = paging.identifier(silence, "silence")
        found = item(tx, caller.tenant, _stored(tx, caller.tenant, key))
    versions.tag(response, found.version)
    return found


@router.put(
    "/silences/{silence}",
    responses={**versions.ANSWERS, 409: OVER},
)
def change_silence(
    request: Request,
    response: Response,
    silence: str,
    body: schema.NewSilence,
    caller: access.Responder,
    record: access.Recorded,
    if_match: versions.IfMatch = None,
) -> schema.SilenceItem:
    """Write a silence anew. Without `starts_at` its start stays; what it lets go is told at once.

    The header If-Match names the version that was read.
    """
    key = paging.identifier(silence, "silence")
    conditions = silencing.conditions(body.matchers)
    allow_override(caller, body)

    def work() -> schema.SilenceItem:
        with record.session([caller.tenant]) as tx:
            row = silences.lock(tx, caller.tenant, key)
            if row is None:
                raise _missing()
            versions.require(if_match, row["version"])
            _editable(row, body, tx.now)
            span = silencing.bounds(body, tx.now, row["starts_at"])
            wanted = silencing.Wanted(conditions, *span)
            terms = _terms(body, wanted, _beyond(tx, caller.tenant, row, wanted, body.override))
            silences.change(tx, caller.tenant, row, terms, caller.name)
            _note(tx, caller, "silence.change", key, detail(terms))
            return item(tx, caller.tenant, _stored(tx, caller.tenant, key))

    done = record.again(work)
    access.ring(request, "unmute", access.stage_queue(request, "unmute"))
    versions.tag(response, done.version)
    return done


@router.delete("/silences/{silence}")
def expire_silence(
    request: Request, silence: str, caller: access.Responder, record: access.Recorded
) -> schema.SilenceItem:
    """End a silence now; it stays to be read. Twice is harmless."""
    key = paging.identifier(silence, "silence")

    def work() -> schema.SilenceItem:
        with record.session([caller.tenant]) as tx:
            _stored(tx, caller.tenant, key)
            if silences.expire(tx, caller.tenant, key, caller.name):
                _note(tx, caller, "silence.expire", key, {})
            return item(tx, caller.tenant, _stored(tx, caller.tenant, key))

    done = record.again(work)
    access.ring(request, "unmute", access.stage_queue(request, "unmute"))
    return done


def items(
    tx: Transaction, tenant: int, rows: Iterable[Mapping[str, Any]]
) -> list[schema.SilenceItem]:
    """Rows as the API shows them, with what each holds back now."""
    every = list(rows)
    holds = silences.holds(tx, tenant, [row["id"] for row in every])
    return [schema.SilenceItem(**shown(row, tx.now, holds)) for row in every]


def item(tx: Transaction, tenant: int, row: Mapping[str, Any]) -> schema.SilenceItem:
    """The same of one row."""
    [found] = items(tx, tenant, [row])
    return found


def shown(row: Mapping[str, Any], now: datetime, holds: Mapping[str, int]) -> dict[str, Any]:
    """The columns of a row, its state, and what it holds."""
    state = "pending" if row["starts_at"] > now else "active" if row["ends_at"] > now else "expired"
    id = str(row["id"])
    return {**row, "id": id, "state": state, "holds": holds.get(id, 0)}


def allow_override(caller: tokens.Caller, body: schema.Span) -> None:
    """Raises Forbidden where somebody who may not wants to go beyond the guard."""
    if body.override and not caller.may("admin"):
        raise errors.Forbidden(
            "only a token with the scope 'admin' may go beyond the guard of the policy: leave"
            " `override` out, or ask an admin to make the silence"
        )


def detail(terms: silences.Terms) -> dict[str, Any]:
    """What the audit says of it."""
    return {
        "matchers": list(terms.matchers),
        "starts_at": terms.starts_at,
        "ends_at": terms.ends_at,
        "comment": terms.comment,
        "until_resolved": terms.until_resolved,
        "overridden": terms.overridden,
    }


def _terms(body: schema.NewSilence, wanted: silencing.Wanted, beyond: bool) -> silences.Terms:
    return silences.Terms(
        wanted.texts, wanted.starts_at, wanted.ends_at, body.comment, body.until_resolved, beyond
    )


def _editable(row: Mapping[str, Any], body: schema.NewSilence, now: datetime) -> None:
    if row["ends_at"] <= now:
        raise errors.Conflict("this silence is over; make a new one with POST /silences")
    if row["starts_at"] <= now and body.starts_at not in (None, row["starts_at"]):
        raise errors.Invalid([("#/starts_at", "it has begun already: leave starts_at out")])


def _beyond(
    tx: Transaction, tenant: int, row: Mapping[str, Any], wanted: silencing.Wanted, override: bool
) -> bool:
    """The guard is asked about what grows: other matchers, or more time."""
    longer = wanted.ends_at - wanted.starts_at > row["ends_at"] - row["starts_at"]
    if wanted.texts == row["matchers"] and not longer:
        return bool(row["overridden"])
    return silencing.guard(tx, tenant, wanted, override=override)


def _note(
    tx: Transaction, caller: tokens.Caller, act: str, silence: uuid.UUID, said: dict[str, Any]
) -> None:
    by = access.actor(caller)
    audit.record(tx, caller.tenant, by, act, str(silence), {**said, "name": caller.name})


def _stored(tx: Transaction, tenant: int, silence: uuid.UUID) -> dict[str, Any]:
    row = silences.get(tx, tenant, silence)
    if row is None:
        raise _missing()
    return row


def _missing() -> errors.NotFound:
    return errors.NotFound("there is no such silence in this tenant")
