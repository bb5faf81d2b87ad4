"""Alertmanager's silences: listed, made, changed and ended as its clients do it.

Maintenance windows are among them: what an alert is said to be silenced by can be looked up.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response

from schemas import alertmanager as schema
from tocsin import errors
from tocsin.domain import matchers
from tocsin.security import audit, tokens
from tocsin.storage import silences
from tocsin.storage.record import Record, Transaction
from tocsin.web import access, silencing
from tocsin.web import silences as ours
from tocsin.web.v2 import answers, seeing, streaming

router = APIRouter(tags=["alertmanager"])

#: For how long what is over is listed: the original forgets it then. And so many at most.
KEPT, MOST = timedelta(hours=120), 10_000
#: By (isEqual, isRegex).
_OPS: dict[tuple[bool, bool], matchers.Op] = {
    (True, False): "=", (True, True): "=~", (False, False): "!=", (False, True): "!~",
}  # fmt: skip
Done = TypeVar("Done")


@router.get(
    "/silences", response_model=list[schema.GettableSilence], responses=answers.responses(400)
)
def v2_silences(
    caller: access.Reader, record: access.Recorded, filters: seeing.Texts = ()
) -> Response:
    """All that are active or pending, and those that ended in the last five days.

    `filter` wants silences that have this very matcher.
    """
    wanted = {str(one) for one in seeing.conditions(filters)}
    with record.session([caller.tenant]) as tx:
        since = tx.now - KEPT
        rows = silences.of_both_kinds(tx, caller.tenant, over_since=since, limit=MOST)
        now = tx.now
    found = [row for row in rows if wanted <= set(row["matchers"])]
    found.sort(key=lambda row: _order(row, now))
    return streaming.array(shown(row, now) for row in found)


@router.post("/silences", responses=answers.responses(400, 404, 413, 415, 422))
def v2_post_silence(
    request: Request, body: schema.PostableSilence, caller: access.Responder,
    record: access.Recorded,
) -> schema.SilenceId:  # fmt: skip
    """Make a silence, or with `id` change one; what cannot be changed is ended and made anew."""
    conditions = _conditions(body.matchers)

    def work(tx: Transaction) -> uuid.UUID:
        before = _named(tx, caller.tenant, body.id) if body.id else None
        wanted = _wanted(body, conditions, tx.now)
        if before is not None and _may_stay(before, wanted, body.startsAt, tx.now):
            return _change(tx, caller, before, body, wanted)
        beyond = _guarded(tx, caller.tenant, wanted)
        if before is not None and silences.expire(tx, caller.tenant, before["id"], caller.name):
            _note(tx, caller, "silence.expire", before["id"], {})
        terms = _terms(body, wanted, overridden=beyond)
        made = silences.make(tx, caller.tenant, terms, _author(body, caller))
        _note(tx, caller, "silence.create", made, ours.detail(terms))
        return made

    made = _in_record(record, caller, work)
    if body.id:
        _wake(request)
    return schema.SilenceId(silenceID=str(made))


@router.get(
    "/silence/{silence}", response_model=schema.GettableSilence,
    responses=answers.responses(404, 422),
)  # fmt: skip
def v2_silence(silence: str, caller: access.Reader, record: access.Recorded) -> Response:
    """One silence, also one that is over long since."""
    key = answers.uuid_of("silenceID", silence)
    with record.session([caller.tenant]) as tx:
        row = _any(tx, caller.tenant, key)
        if row is None:
            raise answers.Said(404, "")
        return streaming.document(shown(row, tx.now))


@router.delete("/silence/{silence}", response_class=Response, responses=answers.responses(404, 422))
def v2_delete_silence(
    request: Request, silence: str, caller: access.Responder, record: access.Recorded
) -> Response:
    """End a silence now. Twice is harmless."""
    key = answers.uuid_of("silenceID", silence)

    def work(tx: Transaction) -> None:
        row = _any(tx, caller.tenant, key)
        if row is None:
            raise answers.Said(404, "silence not found")
        if silences.expire(tx, caller.tenant, key, caller.name):
            window = row["kind"] == silences.MAINTENANCE
            _note(tx, caller, "maintenance.end" if window else "silence.expire", key, {})

    _in_record(record, caller, work)
    _wake(request)
    return Response()


def shown(row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """A silence in the words of the original; a window says its name before its comment."""
    comment = f"{row['name']}: {row['comment']}" if row["name"] else row["comment"]
    # Who ended it before its time changed it last.
    updated = row["ends_at"] if row["ended_by"] else row["updated_at"] or row["created_at"]
    return {
        "id": str(row["id"]),
        "status": {"state": _state(row, now)},
        "updatedAt": seeing.moment(updated),
        "comment": comment,
        "createdBy": row["updated_by"] or row["created_by"],
        "endsAt": seeing.moment(row["ends_at"]),
        "matchers": [_matcher(matchers.parse(text)) for text in row["matchers"]],
        "startsAt": seeing.moment(row["starts_at"]),
    }


def _state(row: Mapping[str, Any], now: datetime) -> str:
    if row["ends_at"] <= now:
        return "expired"
    return "pending" if row["starts_at"] > now else "active"


def _order(row: Mapping[str, Any], now: datetime) -> tuple[int, float]:
    """Active ones first, what ends next before; then pending ones; then what ended last."""
    state = _state(row, now)
    if state == "active":
        return 0, row["ends_at"].timestamp()
    return (1, row["starts_at"].timestamp()) if state == "pending" else (
        2, -row["ends_at"].timestamp()
    )  # fmt: skip


def _matcher(one: matchers.Matcher) -> dict[str, Any]:
    return {
        "isEqual": not one.op.startswith("!"),
        "isRegex": one.op.endswith("~"),
        "name": one.name,
        "value": one.value,
    }


def _conditions(some: Sequence[schema.Matcher]) -> tuple[matchers.Matcher, ...]:
    """Raises Said for one that cannot be, and for a set that would silence everything."""
    found = []
    for at, one in enumerate(some):
        try:
            found.append(matchers.Matcher(one.name, _OPS[one.isEqual, one.isRegex], one.value))
        except ValueError as error:
            said = f"silence invalid: invalid label matcher {at}: {error}"
            raise answers.Said(400, said) from error
    if matchers.matches(found, {}):
        said = "silence invalid: at least one matcher must not match the empty string"
        raise answers.Said(400, said)
    return tuple(found)


def _wanted(
    body: schema.PostableSilence, conditions: tuple[matchers.Matcher, ...], now: datetime
) -> silencing.Wanted:
    """From when to when; what began in the past begins now. Raises Said."""
    if body.startsAt >= body.endsAt:
        raise answers.Said(400, "Failed to create silence: start time must be before end time")
    if body.endsAt <= now:
        raise answers.Said(400, "Failed to create silence: end time can't be in the past")
    if not silencing.EARLIEST <= body.endsAt < silencing.LATEST:
        raise answers.Said(400, "Failed to create silence: it must end before the year 2200")
    return silencing.Wanted(conditions, max(body.startsAt, now), body.endsAt)


def _named(tx: Transaction, tenant: int, id: str) -> dict[str, Any]:
    """The silence that is to be changed, locked. Raises Said."""
    try:
        key = uuid.UUID(id)
    except ValueError as error:
        raise answers.Said(404, "silence not found") from error
    row = silences.lock(tx, tenant, key)
    if row is None and silences.get(tx, tenant, key, silences.MAINTENANCE):
        raise answers.Said(400, "this is a maintenance window: end it, and make another one with"
                                " `tocsin maintenance` or POST /api/v1/maintenance")  # fmt: skip
    if row is None:
        raise answers.Said(404, "silence not found")
    return row


def _any(tx: Transaction, tenant: int, key: uuid.UUID) -> dict[str, Any] | None:
    return next(iter(silences.named(tx, tenant, [key])), None)


def _may_stay(
    row: Mapping[str, Any], wanted: silencing.Wanted, starts_at: datetime, now: datetime
) -> bool:
    """As the original decides it: the same matchers, not over, and nothing of the past changes."""
    if wanted.texts != row["matchers"] or row["ends_at"] <= now:
        return False
    if row["starts_at"] > now:
        return starts_at >= now
    # Clients give back what they read, which is in milliseconds.
    return seeing.moment(row["starts_at"]) == seeing.moment(starts_at)


def _change(
    tx: Transaction, caller: tokens.Caller, row: dict[str, Any], body: schema.PostableSilence,
    wanted: silencing.Wanted,
) -> uuid.UUID:  # fmt: skip
    begins = row["starts_at"] if row["starts_at"] <= tx.now else wanted.starts_at
    wanted = silencing.Wanted(wanted.matchers, begins, wanted.ends_at)
    longer = wanted.ends_at - begins > row["ends_at"] - row["starts_at"]
    beyond = _guarded(tx, caller.tenant, wanted) if longer else bool(row["overridden"])
    terms = _terms(body, wanted, overridden=beyond, until_resolved=row["until_resolved"])
    silences.change(tx, caller.tenant, row, terms, _author(body, caller))
    _note(tx, caller, "silence.change", row["id"], ours.detail(terms))
    key: uuid.UUID = row["id"]
    return key


def _guarded(tx: Transaction, tenant: int, wanted: silencing.Wanted) -> bool:
    """The guard of the policy; over it only the API of our own leads, and only admins."""
    try:
        return silencing.guard(tx, tenant, wanted)
    except errors.Invalid as error:
        said = "; ".join(text for _, text in error.problems)
        raise answers.Said(400, f"Failed to create silence: {said}") from error


def _terms(
    body: schema.PostableSilence, wanted: silencing.Wanted, *, overridden: bool,
    until_resolved: bool = False,
) -> silences.Terms:  # fmt: skip
    return silences.Terms(
        wanted.texts, wanted.starts_at, wanted.ends_at, body.comment, until_resolved, overridden
    )


def _author(body: schema.PostableSilence, caller: tokens.Caller) -> str:
    """Who the client says it is for: karma and Grafana have one token for all their users."""
    return body.createdBy.strip() or caller.name


def _note(
    tx: Transaction, caller: tokens.Caller, act: str, silence: uuid.UUID, said: dict[str, Any]
) -> None:
    by = access.actor(caller)
    audit.record(tx, caller.tenant, by, act, str(silence), {**said, "name": caller.name})


def _in_record(record: Record, caller: tokens.Caller, work: Callable[[Transaction], Done]) -> Done:
    def once() -> Done:
        with record.session([caller.tenant]) as tx:
            return work(tx)

    return record.again(once)


def _wake(request: Request) -> None:
    access.ring(request, "unmute", access.stage_queue(request, "unmute"))
