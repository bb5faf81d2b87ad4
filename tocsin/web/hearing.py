"""What a verified post of a provider changes: acts of people, receipts, refusals; in one breath."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

import channels
from schemas import heard
from schemas.people import Person
from tocsin import errors, i18n
from tocsin.domain import matchers, people
from tocsin.domain.policy import Integration, Policy, contact_person
from tocsin.security import audit
from tocsin.storage import callbacks, contacts, incidents, silences, timelines
from tocsin.storage.record import Transaction
from tocsin.web import acting, silencing

#: The end of an id must be this long to name an incident.
_TAIL = 4


@dataclass(frozen=True)
class Line:
    """Over which integration something was heard, and under which policy."""

    tenant: int
    policy: Policy
    integration: Integration

    @property
    def channel(self) -> str:
        return self.integration.channel


def take(tx: Transaction, line: Line, received: heard.Received) -> str:
    """Apply it all; returns what became of the acts, for the one who acted."""
    if not callbacks.is_news(tx, line.tenant, line.channel, received.nonce):
        return i18n.say("callback.again")
    said = []
    for each in received.heard:
        if isinstance(each, heard.Act):
            said.append(_act(tx, line, each))
        elif isinstance(each, heard.Receipt):
            _receipt(tx, line, each)
        else:
            _refusal(tx, line, each)
    return " ".join(said)


def _receipt(tx: Transaction, line: Line, told: heard.Receipt) -> None:
    """What became of a message; one that arrived shows that the way to its person is good."""
    row = callbacks.receipt(tx, line.tenant, line.channel, told)
    if row is None or not told.final or told.state != "delivered":
        return
    way = line.policy.integration(row["integration"])
    person = line.policy.person(contact_person(row["integration"]) or "")
    if way is None or person is None:
        return
    # It went to the address of then; only of that it is known to be good.
    if channels.REGISTRY[line.channel].destination(way.settings) == row["destination"]:
        _alive(tx, line, person, people.address(person, way))


def _alive(tx: Transaction, line: Line, person: Person, address: str | None) -> None:
    if address is not None:
        digest = people.digest(address)
        contacts.seen(tx, line.tenant, person.name, line.channel, digest)


def _refusal(tx: Transaction, line: Line, told: heard.Refusal) -> None:
    changed = callbacks.refuse(tx, line.tenant, line.channel, told.address, refused=told.refused)
    if changed:
        act = "address.refuse" if told.refused else "address.allow"
        subject = f"{line.channel} {told.address}"
        audit.record(tx, line.tenant, f"provider:{line.channel}", act, subject, {})


def _act(tx: Transaction, line: Line, act: heard.Act) -> str:
    who = _person(tx, line, act)
    if who is None:
        return i18n.say("callback.stranger", address=f"{line.channel} {act.user}")
    found = _meant(tx, line, act)
    if isinstance(found, str):
        return found
    found = incidents.where(tx, line.tenant, found)
    about = callbacks.about(tx, line.tenant, found)
    if about is None:
        return i18n.say("callback.no_incident")
    if act.act == "silence":
        return _silence(tx, line, act, found, about, who)
    return _judge(tx, line, act, found, who)


def _person(tx: Transaction, line: Line, act: heard.Act) -> str | None:
    """Whose address it is, and that it is alive. The kinds of addresses never look alike, so one
    look is enough."""
    for person in line.policy.people:
        if act.user and act.user in (person.slack, person.phone, person.email):
            _alive(tx, line, person, act.user)
            return person.name
    if getattr(line.integration.settings, "actions", "mapped") == "anyone":
        return f"{line.channel}:{act.name or act.user}"
    return None


def _meant(tx: Transaction, line: Line, act: heard.Act) -> uuid.UUID | str:
    """The incident; or why it cannot be told."""
    if not act.told_at:
        try:
            return uuid.UUID(act.incident or "")
        except ValueError:
            return i18n.say("callback.no_incident")
    if act.incident and len(act.incident) < _TAIL:
        return i18n.say("callback.no_incident")
    found = callbacks.meant(tx, line.tenant, line.channel, act.told_at, act.incident)
    if not found:
        return i18n.say("callback.no_incident")
    if act.incident and len(found) > 1:
        return i18n.say("callback.several", code=act.incident)
    return uuid.UUID(str(found[0]["id"]))


def _judge(tx: Transaction, line: Line, act: heard.Act, incident: uuid.UUID, who: str) -> str:
    """Do it, and say honestly whether somebody was quicker."""
    note = i18n.say("callback.note", channel=line.channel)
    try:
        row = _done(tx, line, act, incident, who, note)
    except errors.Conflict:
        row = incidents.resolve(tx, line.tenant, incident, who, note)  # it is; this changes nothing
        return _before("resolved", row)
    done, at = _DONE[act.act]
    if row[at] != tx.now:
        return _before(done, row)
    detail = {"name": who, "note": note, "address": act.user}
    audit.record(tx, line.tenant, f"person:{who}", f"incident.{act.act}", str(incident), detail)
    if row["reopens_at"] is None:
        return i18n.say(f"callback.{done}", title=row["title"])
    until = acting.clock(row["reopens_at"], tx.now, line.policy, who)
    said = i18n.say(f"callback.{done}", title=row["title"], until=until)
    return f"{said} {i18n.say('acts.reopens', at=until)}" if done == "acknowledged" else said


#: What an act is called when it is done, and which moment of the incident shows that it was now.
_DONE = {
    "acknowledge": ("acknowledged", "acknowledged_at"),
    "snooze": ("snoozed", "acknowledged_at"),
    "unacknowledge": ("unacknowledged", "reopened_at"),
    "resolve": ("resolved", "resolved_at"),
}


def _done(
    tx: Transaction, line: Line, act: heard.Act, incident: uuid.UUID, who: str, note: str
) -> dict[str, Any]:
    if act.act == "snooze":
        lasts = act.lasts or timedelta(0)
        return incidents.snooze(tx, line.tenant, incident, who, note, lasts=lasts)
    if act.act == "acknowledge":
        timeout = line.policy.ack_timeout
        return incidents.acknowledge(tx, line.tenant, incident, who, note, timeout=timeout)
    work = incidents.resolve if act.act == "resolve" else incidents.unacknowledge
    return work(tx, line.tenant, incident, who, note)


def _before(done: str, row: dict[str, Any]) -> str:
    who = row.get(f"{done}_by") or "tocsin"
    return i18n.say(f"callback.{done}_before", who=who, title=row["title"])


def _silence(
    tx: Transaction, line: Line, act: heard.Act, incident: uuid.UUID, about: dict[str, Any],
    who: str,
) -> str:  # fmt: skip
    """Keep quiet what has the labels that made the groups of the incident."""
    until = tx.now + (act.lasts or timedelta(0))
    sets = [_equal(orjson.loads(labels)) for labels in about["groups"] or ()]
    if not sets or act.lasts is None or any(matchers.matches(each, {}) for each in sets):
        return i18n.say("callback.too_broad")
    try:
        for each in sets:
            silencing.guard(tx, line.tenant, silencing.Wanted(each, tx.now, until))
    except errors.Invalid as beyond:
        return i18n.say("callback.guarded", why=" ".join(said for _, said in beyond.problems))
    comment = i18n.say("callback.about", channel=line.channel, title=about["title"])
    for each in sets:
        _make_silence(tx, line, each, until, (comment[:1000], who, str(incident)))
    _note_silence(tx, line.tenant, incident, who, until.strftime("%Y-%m-%d %H:%M UTC"))
    shown = until.strftime("%Y-%m-%d %H:%M")
    return i18n.say("callback.silenced", until=shown, title=about["title"])


def _equal(labels: dict[str, str]) -> tuple[matchers.Matcher, ...]:
    return tuple(matchers.Matcher(name, "=", value) for name, value in sorted(labels.items()))


def _make_silence(
    tx: Transaction, line: Line, wanted: tuple[matchers.Matcher, ...], until: datetime,
    told: tuple[str, str, str],
) -> None:  # fmt: skip
    comment, who, incident = told
    texts = [str(one) for one in wanted]
    made = silences.create(
        tx, line.tenant, matchers=texts, starts_at=tx.now, ends_at=until, comment=comment, by=who
    )
    detail = {"matchers": texts, "ends_at": until, "comment": comment, "name": who,
              "incident": incident}  # fmt: skip
    audit.record(tx, line.tenant, f"person:{who}", "silence.create", str(made), detail)


def _note_silence(tx: Transaction, tenant: int, incident: uuid.UUID, who: str, until: str) -> None:
    detail = orjson.dumps({"note": f"until {until}"}).decode()
    entry = {"tenant": tenant, "incident_id": incident, "kind": "silenced", "actor": who}
    timelines.tell(tx, [{**entry, "detail": detail}])
