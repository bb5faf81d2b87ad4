"""Silences over HTTP: what shall not be told, until when, why, and who said so."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from schemas import api, policy
from schemas import silence as schema
from tocsin import errors
from tocsin.domain import matchers
from tocsin.security import audit
from tocsin.storage import silences
from tocsin.storage.record import Transaction
from tocsin.web import access, alerts, paging

router = APIRouter(tags=["silences"])

#: Moments outside are slips of the pen, and some cannot be stored.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

States = Literal["active", "pending", "expired", "all"]


@router.post("/silences", status_code=201)
def create_silence(
    request: Request,
    response: Response,
    body: schema.NewSilence,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.SilenceItem:
    """Keep alerts quiet that match all the matchers. The author is the holder of the token."""
    wanted = _matchers(body.matchers)

    def work() -> schema.SilenceItem:
        with record.session([caller.tenant]) as tx:
            starts_at, ends_at = _bounds(body, tx.now)
            silence = silences.create(
                tx, caller.tenant, matchers=wanted, starts_at=starts_at, ends_at=ends_at,
                comment=body.comment, by=caller.name,
            )  # fmt: skip
            detail = {"matchers": wanted, "starts_at": starts_at, "ends_at": ends_at,
                      "comment": body.comment, "name": caller.name}  # fmt: skip
            by = access.actor(caller)
            audit.record(tx, caller.tenant, by, "silence.create", str(silence), detail)
            return _item(_stored(tx, caller.tenant, silence), tx.now)

    made = record.again(work)
    response.headers["Location"] = f"{request.url.path}/{made.id}"
    return made


@router.get("/silences")
def list_silences(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    state: Annotated[States, Query()] = "active",
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.SilenceItem]:
    """The silences that are in this state now, newest first."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = silences.listed(tx, caller.tenant, state=state, after=after, limit=limit + 1)
        now = tx.now
    following = paging.encode(bound, [rows[limit - 1]["id"]]) if len(rows) > limit else None
    paging.link(request, response, following)
    return api.Page(items=[_item(row, now) for row in rows[:limit]], next=following)


@router.get("/silences/{silence}")
def show_silence(
    silence: str, caller: access.Reader, record: access.Recorded
) -> schema.SilenceItem:
    """One silence."""
    with record.session([caller.tenant]) as tx:
        key = paging.identifier(silence, "silence")
        return _item(_stored(tx, caller.tenant, key), tx.now)


@router.delete("/silences/{silence}")
def expire_silence(
    request: Request, silence: str, caller: access.Responder, record: access.Recorded
) -> schema.SilenceItem:
    """End a silence now; it stays to be read. Twice is harmless."""
    key = paging.identifier(silence, "silence")

    def work() -> schema.SilenceItem:
        with record.session([caller.tenant]) as tx:
            if silences.expire(tx, caller.tenant, key):
                by = access.actor(caller)
                detail = {"name": caller.name}
                audit.record(tx, caller.tenant, by, "silence.expire", str(key), detail)
            return _item(_stored(tx, caller.tenant, key), tx.now)

    done = record.again(work)
    access.ring(request, "unmute", access.stage_queue(request, "unmute"))
    return done


def _matchers(texts: list[str]) -> list[str]:
    """In canonical spelling. Raises Invalid, also for a set that would silence everything."""
    wanted = alerts.parse(texts, "#/matchers")
    if not wanted:
        raise errors.Invalid([("#/matchers", "name at least one label, such as severity=info")])
    if matchers.matches(wanted, {}):
        raise errors.Invalid(
            [("#/matchers", "these match an alert without any label, so they would silence"
              " everything: add one that names a value, such as severity=info")]
        )  # fmt: skip
    return [str(one) for one in wanted]


def _bounds(body: schema.NewSilence, now: datetime) -> tuple[datetime, datetime]:
    """From when to when. Raises Invalid in words."""
    starts_at = body.starts_at or now
    _within("#/starts_at", starts_at)
    if (body.ends_at is None) == (body.duration is None):
        raise errors.Invalid([("#/ends_at", "give either ends_at or duration")])
    if body.ends_at is not None:
        pointer, ends_at = "#/ends_at", body.ends_at
    else:
        pointer = "#/duration"
        try:
            ends_at = starts_at + policy.parse_duration(body.duration)
        except ValueError as error:
            raise errors.Invalid([(pointer, str(error))]) from error
    _within(pointer, ends_at)
    if ends_at <= starts_at:
        raise errors.Invalid([(pointer, "the silence must end after it starts")])
    if ends_at <= now:
        raise errors.Invalid([(pointer, "the silence would be over already")])
    return starts_at, ends_at


def _within(pointer: str, moment: datetime) -> None:
    if not EARLIEST <= moment < LATEST:
        raise errors.Invalid([(pointer, "give a moment between the years 2000 and 2200")])


def _stored(tx: Transaction, tenant: int, silence: uuid.UUID) -> dict[str, Any]:
    row = silences.get(tx, tenant, silence)
    if row is None:
        raise errors.NotFound("there is no such silence in this tenant")
    return row


def _item(row: dict[str, Any], now: datetime) -> schema.SilenceItem:
    state = "pending" if row["starts_at"] > now else "active" if row["ends_at"] > now else "expired"
    return schema.SilenceItem(**{**row, "id": str(row["id"]), "state": state})
