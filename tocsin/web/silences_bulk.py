"""Looking before a silence is made, and ending many at once."""

from __future__ import annotations

import uuid

from fastapi import APIRouter, Request

from schemas import silence as schema
from tocsin import errors
from tocsin.security import audit, tokens
from tocsin.storage import silences
from tocsin.storage.record import Transaction
from tocsin.web import access, alerts, silencing
from tocsin.web import silences as single

router = APIRouter(tags=["silences"])

#: So many are ended at once.
LIMIT = 1000


@router.post("/silences/preview")
def preview_silence(
    body: schema.NewSilence, caller: access.Reader, record: access.Recorded
) -> schema.Preview:
    """What such a silence would keep quiet now, and what it would have in the last day."""
    conditions = silencing.conditions(body.matchers)
    with record.session([caller.tenant]) as tx:
        wanted = silencing.Wanted(conditions, *silencing.bounds(body, tx.now))
        return silencing.preview(tx, caller.tenant, wanted)


@router.post("/silences/expire")
def expire_silences(
    request: Request, body: schema.Selection, caller: access.Responder, record: access.Recorded
) -> schema.Ended:
    """End silences now, by ids or by what they have in common. Twice is harmless."""
    ids = _ids(body)
    matcher = None
    if body.matcher is not None:
        [one, *more] = alerts.parse([body.matcher], "#/matcher") or (None,)
        if one is None or more:
            raise errors.Invalid([("#/matcher", "give one matcher, such as alertname=DiskFull")])
        matcher = str(one)

    def work() -> schema.Ended:
        with record.session([caller.tenant]) as tx:
            chosen = ids
            if chosen is None:
                chosen = silences.found(
                    tx, caller.tenant, author=body.author, matcher=matcher, comment=body.comment,
                    limit=LIMIT + 1,
                )  # fmt: skip
            return _end(tx, caller, chosen[:LIMIT], body.ids or [], len(chosen) > LIMIT)

    done = record.again(work)
    access.ring(request, "unmute", access.stage_queue(request, "unmute"))
    return done


def _end(
    tx: Transaction, caller: tokens.Caller, chosen: list[uuid.UUID], named: list[str], more: bool
) -> schema.Ended:
    """By ids, those that had ended before are shown as well."""
    there = {row["id"] for row in silences.named(tx, caller.tenant, chosen, silences.SILENCE)}
    ended = silences.expire_all(tx, caller.tenant, sorted(there), caller.name)
    if ended:
        said = {"ids": [str(row["id"]) for row in ended], "name": caller.name}
        audit.record(tx, caller.tenant, access.actor(caller), "silence.expire_many", "", said)
    shown = silences.named(tx, caller.tenant, there) if named else ended
    unknown = [text for text in named if _id(text) not in there]
    return schema.Ended(items=single.items(tx, caller.tenant, shown), unknown=unknown, more=more)


def _ids(body: schema.Selection) -> list[uuid.UUID] | None:
    """The ids that were named; None where conditions were. Raises Invalid for both or neither."""
    by = [value for value in (body.author, body.matcher, body.comment) if value is not None]
    if (body.ids is None) == (not by):
        raise errors.Invalid([("#", "give either ids, or one or more of author, matcher, comment")])
    if body.ids is None:
        return None
    return [id for text in body.ids if (id := _id(text)) is not None]


def _id(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None
