"""Test pages: a code that travels as a page does, and comes back from the one who read it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path

import channels
from schemas import contacts as schema
from schemas.message import Message
from schemas.people import Person
from tocsin import errors, i18n, ids
from tocsin.domain import people
from tocsin.domain.policy import Integration, Policy
from tocsin.security import crypto, tokens
from tocsin.storage import contacts, policies
from tocsin.storage.record import Transaction
from workers import queues

_REFUSED = {
    "wrong": "is not the code of the last test page: look again",
    "late": "is too old: a code can be used for 10 minutes; ask for another test page",
    "spent": "was guessed too often: ask for another test page",
    "none": "was never sent to the address that the policy has now: ask for a test page first",
}


def sealer(file: Path | None) -> crypto.Sealer:
    """Messages are kept sealed, those of test pages too. Raises SetupError."""
    return crypto.from_file(file)


@dataclass(frozen=True)
class Drill:
    """Testing the ways to one person."""

    tx: Transaction
    sealer: crypto.Sealer
    caller: tokens.Caller
    policy: Policy
    person: Person

    def send(self, ways: list[Integration]) -> schema.Drill:
        """Plan a page over each. Raises TooOften where every one has just been tested."""
        if not self.sealer.ready(self.caller.tenant):
            self.sealer.load(self.tx, self.caller.tenant)
        current = policies.current(self.tx, self.caller.tenant)
        assert current is not None
        pages = {way.channel: self._page(way, int(current["version"])) for way in ways}
        sent = [page for page in pages.values() if page is not None]
        if not sent:
            raise errors.TooOften(
                f"{self.person.name} was sent a test page less than a minute ago: wait for it, or"
                " ask again in a minute"
            )
        return schema.Drill(
            person=self.person.name, sent=sent, expires_at=self.tx.now + contacts.CODE_LASTS,
            resting=[name for name, page in pages.items() if page is None],
        )  # fmt: skip

    def _page(self, way: Integration, version: int) -> schema.DrillSent | None:
        tenant, now = self.caller.tenant, self.tx.now
        code = f"{secrets.randbelow(10**6):06}"
        address = people.digest(people.address(self.person, way) or "")
        hashed = _hashed(tenant, self.person, way, code)
        if not contacts.begin(
            self.tx, tenant, self.person.name, way.channel, address, hashed
        ):  # fmt: skip
            return None
        body = self._message(way, code).model_dump_json().encode()
        delivery, to = ids.new(now), channels.REGISTRY[way.channel].destination(way.settings)
        contacts.page(
            self.tx, tenant, notification=ids.new(now), delivery=delivery,
            message=self.sealer.seal(tenant, body), version=version,
            to={"person": self.person.name, "integration": way.key, "channel": way.channel,
                "destination": to, "queue": queues.PAGE},
        )  # fmt: skip
        return schema.DrillSent(by=way.channel, destination=to, delivery=str(delivery))

    def _message(self, way: Integration, code: str) -> Message:
        name, locale = self.person.name, self.policy.languages(self.person.locale)
        how = f"tocsin person verify {name} {way.channel} {code}"
        who = self.person.shown or name
        return Message(
            tenant=self.caller.slug, receiver="", group_key="", reason="first", state="open",
            incident_id=str(contacts.NO_INCIDENT), severity="none", code=code,
            title=i18n.say("person.test.title", locale, who=who, code=code),
            why=i18n.say("person.test.why", locale, by=self.caller.name, how=how),
            opened_at=self.tx.now, at=self.tx.now,
        )  # fmt: skip


def verify(
    tx: Transaction, tenant: int, person: Person, way: Integration, code: str
) -> contacts.Verdict:
    """Whether this code confirms this way; commit whatever comes of it."""
    address = people.digest(people.address(person, way) or "")
    hashed = _hashed(tenant, person, way, code)
    return contacts.verify(tx, tenant, person.name, way.channel, address, hashed)


def refuse(verdict: contacts.Verdict) -> None:
    """Raise Invalid for all but a code that fits."""
    if verdict != "verified":
        raise errors.Invalid([("#/code", _REFUSED[verdict])])


def _hashed(tenant: int, person: Person, way: Integration, code: str) -> str:
    """A code counts for one way to one person only."""
    return people.digest(f"{tenant} {person.name} {way.channel} {code}")
