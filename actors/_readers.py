"""What one recipient reads: their language, their clock, their names, and why just they are told.

A message is composed once for all; here it is made one reader's, when it is sent. Nothing here can
stop a page: what cannot be worded is left out, and the page goes out without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import structlog

from schemas.message import Message
from schemas.people import Person
from tocsin import i18n
from tocsin.domain import notifying, people
from tocsin.domain.policy import Integration, Policy, contact_person
from tocsin.i18n import failovers
from tocsin.storage import contacts
from tocsin.storage.record import Transaction

#: So many names are said; more are counted.
NAMES = 3

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a delivery reaches: a person, or (None) the channels of a receiver."""

    policy: Policy
    person: Person | None
    locale: str

    @property
    def zone(self) -> str:
        return self.person.zone if self.person else "UTC"

    def name(self, person: str) -> str:
        """How messages call somebody."""
        known = self.policy.person(person)
        return (known.shown or known.name) if known else person


def of(policy: Policy, integration: Integration, message: Message) -> Reader:
    """The reader of what is sent by this integration."""
    name = contact_person(integration.key)
    person = policy.person(name) if name else None
    if person is None:
        return Reader(policy, None, policy.locale_for(message.receiver))
    return Reader(policy, person, policy.languages(person.locale))


def outdated(planned_at: datetime, now: datetime) -> str | None:
    """Why a test page that was planned then is not sent any more, if so: its code is refused."""
    late = now - planned_at >= contacts.CODE_LASTS
    return i18n.say("person.test.late") if late else None


def doubt(
    tx: Transaction, tenant: int, reader: Reader, integration: Integration
) -> str:  # fmt: skip
    """A sentence where nothing ever showed that this way leads to the person; else empty."""
    address = people.address(reader.person, integration) if reader.person else None
    if reader.person is None or address is None:
        return ""
    digest = people.digest(address)
    known = contacts.known(tx, tenant, reader.person.name)
    if people.standing(known, integration, digest) != "unverified":
        return ""
    kind = integration.settings.CONTACT.kind
    return i18n.say(f"person.unconfirmed.{kind}", reader.locale)


def worded(message: Message, row: Mapping[str, Any], reader: Reader, caution: str) -> Message:
    """The message as this reader gets it."""
    try:
        return _worded(message, row, reader, caution)
    except Exception:
        log.exception("a page could not be worded for its reader", delivery=str(row["id"]))
        return message


def _worded(message: Message, row: Mapping[str, Any], reader: Reader, caution: str) -> Message:
    changes: dict[str, Any] = {"zone": reader.zone}
    if message.acknowledged_by:
        changes["acknowledged_by"] = reader.name(message.acknowledged_by)
    if because := _because(message, row, reader):
        changes["because"] = because
        changes["why"] = f"{because}. {message.why}" if message.why else because
    # A test page is what confirms it.
    if caution and not message.code:
        changes |= {"caution": caution, "notes": [caution, *message.notes]}
    return message.model_copy(update=changes)


def _because(message: Message, row: Mapping[str, Any], reader: Reader) -> str:
    """`on call (Primary DB), step 1 of 3, next: Ben at 03:12`; empty for other deliveries."""
    facts = contacts.facts(dict(row))
    instead = failovers.instead(row, reader.locale, reader.zone)
    if not facts:
        return instead
    said = [_via(facts, reader), _step(facts, reader), instead]
    if message.reason in notifying.PAGING:
        said += [_held(facts, row, reader), _next(facts, row, reader)]
    return ", ".join(filter(None, said))


def _via(facts: Mapping[str, Any], reader: Reader) -> str:
    via, name = facts.get("via"), str(facts.get("name") or "")
    if reader.person is None or via not in ("schedule", "team", "person"):
        return ""
    others = facts.get("with") or ()
    if via == "person" and others:
        who = _names([reader.name(str(each)) for each in others], reader)
        return i18n.say("person.because.shared", reader.locale, who=who)
    return i18n.say(f"person.because.{via}", reader.locale, name=name)


def _step(facts: Mapping[str, Any], reader: Reader) -> str:
    step, steps, turn = (facts.get(key) for key in ("step", "steps", "round"))
    said = []
    if step and steps:
        said.append(i18n.say("person.because.step", reader.locale, step=step, steps=steps))
    if isinstance(turn, int) and turn > 1:
        said.append(i18n.say("person.because.round", reader.locale, round=turn))
    return ", ".join(said)


def _held(facts: Mapping[str, Any], row: Mapping[str, Any], reader: Reader) -> str:
    until = _moment(facts.get("held_until"))
    if until is None:
        return ""
    since = row["created_at"]
    return i18n.say(
        "person.because.held", reader.locale, since=_clock(since, until, reader),
        until=_clock(until, until, reader),
    )  # fmt: skip


def _next(facts: Mapping[str, Any], row: Mapping[str, Any], reader: Reader) -> str:
    names = facts.get("next") or ()
    if not names:
        last = facts.get("step") == facts.get("steps")
        return i18n.say("person.because.last" if last else "person.because.nobody", reader.locale)
    who, at = _names([reader.name(str(name)) for name in names], reader), facts.get("next_at")
    moment = _moment(at)
    if moment is None:
        return i18n.say("person.because.next", reader.locale, who=who)
    when = _clock(moment, row["created_at"], reader)
    return i18n.say("person.because.next_at", reader.locale, who=who, when=when)


def _names(names: Sequence[str], reader: Reader) -> str:
    who = ", ".join(names[:NAMES])
    left = len(names) - NAMES
    return i18n.say("person.who.more", reader.locale, who=who, n=left) if left > 0 else who


def _moment(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None


def _clock(moment: datetime, near: datetime, reader: Reader) -> str:
    """The time of day where the reader lives, with the date where that is another one."""
    zone = ZoneInfo(reader.zone)
    there, here = moment.astimezone(zone), near.astimezone(zone)
    same = there.date() == here.date() or abs(there - here) < timedelta(hours=12)
    said = there.strftime("%H:%M" if same else "%Y-%m-%d %H:%M")
    # A person reads their own clock; who has named no place, or is a channel, must be told which.
    return said if reader.zone != "UTC" else f"{said} UTC"
