"""Finding another way for a page that does not get through, and saying so where there is none."""

from __future__ import annotations

from typing import Any

import orjson

import channels
from actors import _escalations, _runtime
from tocsin import ids
from tocsin.domain import failover, notifying, people
from tocsin.domain.policy import Integration, Policy
from tocsin.storage import (
    circuits,
    contacts,
    deliveries,
    escalations,
    failovers,
    inbox,
    incidents,
)
from tocsin.storage.record import Transaction
from workers import queues

Row = dict[str, Any]
Ring = tuple[str, str]

UNSENT = ("pending", "sending", "dead")


def look(here: _runtime.Runtime, tx: Transaction, row: Row, incident: Row) -> set[Ring]:
    """One delivery whose time is up, under its locked incident; returns whom to ring."""
    tenant = here.tenants(tx, [row["tenant"]])[row["tenant"]]
    policy = tenant.policy or here.policy(tx, tenant.id, row["policy_version"])
    if policy is None:
        return set()
    if row["reason"] == "resolved":
        return _end(tx, row, policy)
    over = row["generation"] < incident["generation"]
    if over or row["state"] not in UNSENT or row["reason"] not in notifying.PAGING:
        return set()
    if row["gave_over_at"] is None and (rings := _first(here, tx, row, policy)):
        return rings
    if row["state"] == "dead" and deliveries.all_lost(tx, row):
        return _lost_for_good(here, tx, row, incident)
    if _down(tx, row):
        _alarm(tx, row)
    return set()


def _first(here: _runtime.Runtime, tx: Transaction, row: Row, policy: Policy) -> set[Ring]:
    """What is done about it once: another way, or where there is none, the next step."""
    failovers.gave_over(tx, row)
    if rings := _give_over(tx, row, policy):
        return rings
    _say_lost(tx, row)
    return _hurry(here, tx, row)


def _give_over(tx: Transaction, row: Row, policy: Policy) -> set[Ring]:
    """Take the next way beside this one; empty: there is none."""
    family = failovers.siblings(tx, row)
    instead = _instead(tx, row)
    ways: list[tuple[Integration, Any, str | None]] = []
    if row["person"] is not None:
        mine = [each for each in family if each["person"] == row["person"]]
        ahead = _later(tx, row, mine)
        if ahead is not None and failovers.bring_forward(tx, ahead, instead):
            _say(tx, row, ahead["channel"], instead)
            return {(queues.deliver(ahead["channel"]), ahead["queue"])}
        ways = _next(tx, row, policy, [each["integration"] for each in mine])
    else:
        used = {each["integration"] for each in family}
        found = failover.stand_ins(policy, row["integration"], used)
        ways = [(way, tx.now, None) for way in found]
    failovers.plan(tx, [_delivery(tx, row, way, due, cause, instead) for way, due, cause in ways])
    for way, _, _ in ways:
        _say(tx, row, way.channel, instead)
    return {(queues.deliver(way.channel), row["queue"]) for way, _, _ in ways}


def _later(tx: Transaction, row: Row, mine: list[Row]) -> Row | None:
    """A way that the person's rules take later in this step; not one that their night holds."""
    for each in mine:
        waits = each["state"] == "pending" and each["attempts"] == 0 and not each["held"]
        night = contacts.facts(each).get("held_until")
        elsewhere = each["destination"] != row["destination"]
        if waits and elsewhere and not night and each["due_at"] > tx.now:
            return each
    return None


def _next(
    tx: Transaction, row: Row, policy: Policy, used: list[str]
) -> list[tuple[Integration, Any, str | None]]:
    person = policy.person(row["person"])
    if person is None:
        return []
    urgency: Any = contacts.facts(row).get("urgency", "important")
    known = contacts.known(tx, row["tenant"], person.name)

    def doubt(way: Integration) -> int:
        place = channels.REGISTRY[way.channel].destination(way.settings)
        address = people.address(person, way)
        digest = people.digest(address) if address else ""
        unproven = people.standing(known, way, digest) == "unverified"
        return 2 * circuits.is_open(tx, row["tenant"], way.channel, place) + unproven

    way = failover.next_way(person, urgency, policy.contacts, used, doubt)
    if way is None:
        return []
    until = people.held_until(person, urgency, tx.now)
    return [(way, until or tx.now, _escalations.held(until) if until else None)]


def _delivery(
    tx: Transaction, row: Row, way: Integration, due: Any, cause: str | None, instead: Row
) -> Row:
    names = ("tenant", "notification_id", "group_id", "incident_id", "generation", "queue",
             "person", "facts", "step_until")  # fmt: skip
    return {
        **{name: row[name] for name in names}, "id": ids.new(tx.now), "integration": way.key,
        "channel": way.channel, "due_at": due, "cause": cause, "instead_of": row["id"],
        "destination": channels.REGISTRY[way.channel].destination(way.settings),
        "instead": orjson.dumps(instead).decode(),
    }  # fmt: skip


def _instead(tx: Transaction, row: Row) -> Row:
    """Why another way is taken: what does not work, and since when."""
    known = circuits.troubled(tx, row)
    since = known.since if known and known.since else row["wanted_at"] or row["created_at"]
    why = "dead" if row["state"] == "dead" else "circuit" if row["held"] else "late"
    return {"why": why, "channel": row["channel"], "since": since.isoformat()}


def _say(tx: Transaction, row: Row, channel: str, instead: Row) -> None:
    told = row["person"] or failover.receiver_of(row["integration"])
    detail = {**instead, "to": channel, "told": told, "destination": row["destination"]}
    failovers.tell(tx, row, "failover_instead", detail)


def _say_lost(tx: Transaction, row: Row) -> None:
    """Nobody is waited for in silence: the story says whom no way leads to."""
    if row["person"] is not None and _hope(failovers.siblings(tx, row), row["person"]):
        return
    told = row["person"] or failover.receiver_of(row["integration"])
    detail = {"told": told, "channel": row["channel"], "destination": row["destination"]}
    kind = "failover_lost" if row["person"] else "failover_alone"
    failovers.tell(tx, row, kind, {**detail, "cause": row["cause"] or ""})


def _hope(family: list[Row], person: str) -> bool:
    """Whether another way to them has arrived, or is being tried and nothing speaks against it."""
    return any(
        each["state"] == "sent" or (each["state"] in UNSENT[:2] and each["gave_over_at"] is None)
        for each in family if each["person"] == person
    )  # fmt: skip


def _hurry(here: _runtime.Runtime, tx: Transaction, row: Row) -> set[Ring]:
    """A step that reaches nobody is passed by, as an empty one is: its next begins now.

    Not the next round: if everything is down, that needs time to heal.
    """
    ran = failovers.step(tx, row)
    if ran is None or ran["hope"]:
        return set()
    for running in escalations.of(tx, [(row["tenant"], row["incident_id"])]):
        same = all(running[name] == ran[name] for name in ("name", "run", "round"))
        if not same or running["state"] != "running" or running["step"] <= ran["step"]:
            continue
        if running["due_at"] > tx.now and _newest(tx, row, ran):
            escalations.write(tx, [{**running, "due_at": tx.now}])
            failovers.tell(tx, row, "failover_hurried", {"escalation": ran["name"]})
            return {("escalate", here.queues["escalate"])}
    return set()


def _newest(tx: Transaction, row: Row, ran: Row) -> bool:
    steps = escalations.steps(tx, row["tenant"], row["incident_id"])
    return all(each["done_at"] <= ran["done_at"] for each in steps if each["name"] == ran["name"])


def _lost_for_good(here: _runtime.Runtime, tx: Transaction, row: Row, incident: Row) -> set[Ring]:
    """Nothing of a notification has arrived, and nothing will."""
    _alarm(tx, row)
    given = row["person"] is not None and row["facts"] is None
    if given and incident["handed_by"] and incident["state"] == "acknowledged":
        incidents.give_back(tx, incident)
        return {(actor, here.queues[actor]) for actor in ("flush", "escalate")}
    return set()


def _down(tx: Transaction, row: Row) -> bool:
    """Whether nothing of the notification has arrived, and all that is left waits for places that
    do not answer: nobody hears of it, and nobody knows for how long."""
    left = [each for each in failovers.siblings(tx, row) if each["state"] != "superseded"]
    waits = [each["state"] == "dead" or each["held"] for each in left]
    return bool(left) and all(waits) and any(each["held"] for each in left)


def _alarm(tx: Transaction, row: Row) -> None:
    """Somebody must know; but an alarm about an alarm that nobody got would go on for ever."""
    if failovers.about_failing(tx, row):
        return
    labels = {"alertname": failovers.FAILED, "severity": "critical", "job": "tocsin",
              "channel": row["channel"]}  # fmt: skip
    said = {
        "summary": "A page reached nobody: no way to those it is for works",
        "description": f"incident {row['incident_id']}, delivery {row['id']} to"
                       f" {row['destination']}: {row['cause'] or row['state']}"[:500],
    }  # fmt: skip
    inbox.raise_own(tx, [(row["tenant"], {"labels": labels, "annotations": said})])


def _end(tx: Transaction, row: Row, policy: Policy) -> set[Ring]:
    """Whoever was told in place of this receiver's channel hears of the end as well."""
    planned = []
    for each in failovers.stood_in(tx, row):
        way = policy.integration(each["integration"])
        if way is not None and way.send_resolved:
            planned.append({
                **_delivery(tx, row, way, tx.now, None, {}), "instead": each["instead"],
                "step_until": None,
            })  # fmt: skip
    failovers.plan(tx, planned)
    return {(queues.deliver(each["channel"]), each["queue"]) for each in planned}
