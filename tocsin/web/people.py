"""People over HTTP: by what each can be told, what would happen, and whether it really works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request

import channels
from schemas import api
from schemas import contacts as schema
from schemas.people import Person, Urgency
from tocsin import errors, i18n
from tocsin.config import problems
from tocsin.domain import people
from tocsin.domain.policy import Integration, Policy
from tocsin.security import audit
from tocsin.storage import contacts
from tocsin.storage.record import Transaction
from tocsin.web import access, drills, in_force
from workers import queues

router = APIRouter(tags=["people"])

#: A preview looks no further ahead, or back: there the rules of time zones are guesses.
_FAR = timedelta(days=3650)


@dataclass(frozen=True)
class _Book:
    """A policy, and what the record knows of the ways to its people."""

    policy: Policy
    known: Mapping[str, Sequence[dict[str, Any]]]
    refused: Mapping[tuple[str, str], datetime]
    now: datetime


@router.get("/people")
def list_people(caller: access.Reader, record: access.Recorded) -> api.Page[schema.PersonItem]:
    """Everybody in the policy: their ways, whether those were confirmed, and who is quiet now."""
    with record.session([caller.tenant]) as tx:
        book = _book(tx, caller.tenant)
    everybody = [_item(book, each) for each in book.policy.people] if book else []
    return api.Page(items=[schema.PersonItem(**each) for each in everybody])


@router.get("/people/{name}")
def show_person(name: str, caller: access.Reader, record: access.Recorded) -> schema.PersonDetail:
    """One person, and what would happen if a page began now."""
    with record.session([caller.tenant]) as tx:
        book, person = _find(tx, caller.tenant, name)
    return schema.PersonDetail(
        **_item(book, person),
        default=_pages(book, person, "default", book.now),
        important=_pages(book, person, "important", book.now),
    )


@router.post("/people/{name}/preview")
def preview_person(
    name: str, body: schema.PreviewAsked, caller: access.Reader, record: access.Recorded
) -> schema.PersonPreview:
    """What would happen if a page to this person began then. Sends nothing, stores nothing."""
    with record.session([caller.tenant]) as tx:
        book, person = _find(tx, caller.tenant, name)
    at = body.at or book.now
    if abs(at - book.now) > _FAR:
        raise errors.Invalid([("#/at", "is more than ten years away: give a nearer time")])
    return schema.PersonPreview(
        person=person.name, zone=person.zone, urgency=body.urgency, at=at,
        pages=_pages(book, person, body.urgency, at), warnings=_item(book, person)["warnings"],
    )  # fmt: skip


@router.post("/people/{name}/test")
def test_person(
    request: Request,
    name: str,
    body: schema.DrillAsked,
    caller: access.Responder,
    record: access.Recorded,
) -> schema.Drill:
    """Send a test page with a code over each way, as pages travel; a way once a minute at most."""
    sealer = drills.sealer(request.app.state.settings.master_key_file)

    def work() -> schema.Drill:
        with record.session([caller.tenant]) as tx:
            book, person = _find(tx, caller.tenant, name)
            drill = drills.Drill(tx, sealer, caller, book.policy, person)
            done = drill.send(_tested(book.policy, person, body.by))
            said = {"name": caller.name, "by": [each.by for each in done.sent]}
            by = access.actor(caller)
            audit.record(tx, caller.tenant, by, "person.test", person.name, said)
            return done

    done = record.again(work)
    for each in done.sent:
        access.ring(request, queues.deliver(each.by), queues.PAGE)
    return done


@router.post("/people/{name}/verify")
def verify_person(
    name: str, body: schema.Verification, caller: access.Responder, record: access.Recorded
) -> schema.WayItem:
    """Confirm a way with the code of its last test page: five guesses within ten minutes."""

    def work() -> tuple[contacts.Verdict, schema.WayItem]:
        with record.session([caller.tenant]) as tx:
            book, person = _find(tx, caller.tenant, name)
            [way] = _tested(book.policy, person, body.by)
            verdict = drills.verify(tx, caller.tenant, person, way, body.code.strip())
            if verdict == "verified":
                said = {"name": caller.name, "by": body.by}
                by = access.actor(caller)
                audit.record(tx, caller.tenant, by, "person.verify", person.name, said)
            book, person = _find(tx, caller.tenant, name)
            return verdict, _way(book, person, way)

    # Refused only after the commit: else a wrong guess would not be counted.
    verdict, found = record.again(work)
    drills.refuse(verdict)
    return found


def _book(tx: Transaction, tenant: int, person: str | None = None) -> _Book | None:
    policy = in_force.policy(tx, tenant)
    if policy is None:
        return None
    known: dict[str, list[dict[str, Any]]] = {}
    for row in contacts.known(tx, tenant, person):
        known.setdefault(row["person"], []).append(row)
    return _Book(policy, known, contacts.refusals(tx, tenant), tx.now)


def _find(tx: Transaction, tenant: int, name: str) -> tuple[_Book, Person]:
    book = _book(tx, tenant) if "\0" not in name else None
    person = book.policy.person(name) if book else None
    if book is None or person is None:
        raise errors.NotFound("there is nobody of this name in the policy of this tenant")
    return book, person


def _tested(policy: Policy, person: Person, by: str | None) -> list[Integration]:
    """The ways that are meant. Raises Invalid."""
    ways = people.ways(person, policy.contacts)
    if by is None:
        if not ways:
            said = i18n.say("person.warning.unreachable", who=person.shown or person.name)
            raise errors.Conflict(said)
        return ways
    found = [way for way in ways if way.channel == by]
    if not found:
        said = f"{person.name} cannot be told by `{by}`"
        raise errors.Invalid([("#/by", said + problems.suggest(by, [w.channel for w in ways]))])
    return found


def _item(book: _Book, person: Person) -> dict[str, Any]:
    ways = [_way(book, person, each) for each in people.ways(person, book.policy.contacts)]
    return {
        "name": person.name,
        "shown": person.shown or person.name,
        "zone": person.zone,
        "local_time": book.now.astimezone(ZoneInfo(person.zone)),
        "locale": person.locale or book.policy.locale,
        "quiet_until": _held(book, person, "default"),
        "important_quiet_until": _held(book, person, "important"),
        "ways": ways,
        "warnings": _warnings(person, ways),
    }


def _held(book: _Book, person: Person, urgency: Urgency) -> datetime | None:
    until = people.held_until(person, urgency, book.now)
    return until.astimezone(ZoneInfo(person.zone)) if until else None


def _way(book: _Book, person: Person, way: Integration) -> schema.WayItem:
    address = people.address(person, way) or ""
    digest, known = people.digest(address), book.known.get(person.name, ())
    row = next((each for each in known if each["channel"] == way.channel
                and each["address_hash"] == digest), {})  # fmt: skip
    return schema.WayItem(
        by=way.channel,
        integration=way.key,
        destination=channels.REGISTRY[way.channel].destination(way.settings),
        state=people.standing(known, way, digest),
        verified_at=row.get("verified_at"),
        seen_at=row.get("seen_at"),
        refused_at=book.refused.get((way.channel, address)),
    )


def _warnings(person: Person, ways: Sequence[schema.WayItem]) -> list[str]:
    who = person.shown or person.name
    if not ways:
        return [i18n.say("person.warning.unreachable", who=who)]
    said = []
    if all(way.refused_at for way in ways):
        said.append(i18n.say("person.warning.all_refused", who=who))
    for way in ways:
        if way.refused_at:
            said.append(i18n.say("person.warning.refused", destination=way.destination))
        elif way.state == "unverified":
            said.append(i18n.say("person.warning.unverified", destination=way.destination,
                                 person=person.name, by=way.by))  # fmt: skip
    return said


def _pages(book: _Book, person: Person, urgency: Urgency, at: datetime) -> list[schema.PageItem]:
    zone = ZoneInfo(person.zone)
    return [
        schema.PageItem(
            by=page.integration.channel,
            integration=page.integration.key,
            destination=channels.REGISTRY[page.integration.channel].destination(
                page.integration.settings
            ),
            due_at=page.due_at,
            local_time=page.due_at.astimezone(zone),
            held_until=page.held_until,
        )
        for page in people.pages(person, urgency, book.policy.contacts, at)
    ]
