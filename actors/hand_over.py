"""Hand over: who was given an incident by somebody is paged, by the ways that are important."""

from __future__ import annotations

import uuid
from typing import Any

import channels
from actors import _escalations, _groups, _messages, _runtime, _work
from tocsin import i18n, ids
from tocsin.domain import people
from tocsin.storage import groups, incidents, memberships, timelines, timers
from tocsin.storage.record import Transaction
from workers import queues

Row = dict[str, Any]
Ring = tuple[str, str]

LIMIT = 50
REASON = "handed_over"


@_work.actor("hand_over", _runtime.queue_of("hand_over"))
def hand_over(queue: str) -> bool:
    """Page those who were given an incident; True where there may be more of them."""
    here = _runtime.here()
    more, rings = here.record.again(lambda: _once(here))
    here.ring(rings)
    return more


def _once(here: _runtime.Runtime) -> tuple[bool, set[Ring]]:
    with here.record.claims() as tx:
        due = timers.due(tx, incidents.HANDOVER, LIMIT)
        if not due:
            return False, set()
        tx.scope({row["tenant"] for row in due})
        locked = incidents.lock(tx, [(row["tenant"], uuid.UUID(row["subject"])) for row in due])
        still = timers.still_due(tx, incidents.HANDOVER, [row["subject"] for row in due])
        rings: set[Ring] = set()
        notifications: list[Row] = []
        planned: list[Row] = []
        for (tenant, id), row in sorted(locked.items()):
            # Somebody who acted since has it, or it is over: then nobody waits for an answer.
            if (tenant, str(id)) in still and row["handed_by"] and row["state"] == "acknowledged":
                told, pages = _pages(here, tx, row)
                notifications += told
                planned += pages
                if not told:
                    rings |= {(actor, here.queues[actor]) for actor in ("flush", "escalate")}
        over = [{"tenant": tenant, "subject": subject} for tenant, subject in still]
        timers.drop(tx, incidents.HANDOVER, over)
        return len(due) == LIMIT, rings | _escalations.plan(tx, notifications, planned)


def _pages(here: _runtime.Runtime, tx: Transaction, row: Row) -> tuple[list[Row], list[Row]]:
    """The notification and its deliveries; none where the policy can reach the person no more."""
    tenant = here.tenants(tx, [row["tenant"]])[row["tenant"]]
    person = tenant.policy.person(row["acknowledged_by"]) if tenant.policy else None
    contacts = tenant.policy.contacts if tenant.policy else {}
    pages = people.pages(person, "important", contacts, tx.now) if person else []
    parts = memberships.groups_of(tx, [(row["tenant"], row["id"])])
    if person is None or not pages or not parts:
        # Nobody knows of it then: it must not wait for an answer that cannot come.
        incidents.give_back(tx, row)
        return [], []
    founder = next((p for p in parts if p["group_id"] == row["group_id"]), parts[0])
    alerts = groups.with_alerts(tx, [(row["tenant"], part["group_id"]) for part in parts])
    unique = {alert["fingerprint"]: alert for alert in alerts if alert["muted_by"] is None}
    about = _messages.About(
        tenant.slug, founder["receiver"], founder, _groups.incident(row), here.settings.public_url
    )
    why = _why(tenant, person.locale, row, timelines.note_of(tx, row, REASON))
    message = _messages.compose(about, REASON, why, list(unique.values()), tx.now)
    carried = {"events": [], "events_since": tx.now}
    told = _escalations.notification(here, tx, tenant, founder["group_id"], message, carried)
    return [told], [_delivery(row, told, page, person.name, tx) for page in pages]


def _why(tenant: _runtime.Tenant, locale: str | None, row: Row, note: str) -> str:
    known = tenant.policy.person(row["handed_by"]) if tenant.policy else None
    by = (known.shown or known.name) if known else row["handed_by"]
    own = locale or (tenant.policy.locale if tenant.policy else i18n.FALLBACK)
    said = i18n.say("acts.handed_over", own, by=by)
    return f"{said}: {note}" if note else f"{said}."


def _delivery(row: Row, told: Row, page: people.Page, person: str, tx: Transaction) -> Row:
    way = page.integration
    destination = channels.REGISTRY[way.channel].destination(way.settings)
    return {
        "tenant": row["tenant"], "id": ids.new(tx.now), "notification_id": told["id"],
        "group_id": told["group_id"], "incident_id": row["id"], "generation": row["generation"],
        "integration": way.key, "channel": way.channel, "destination": destination,
        "queue": queues.PAGE, "due_at": page.due_at, "person": person,
        "cause": _escalations.held(page.held_until) if page.held_until else None,
    }  # fmt: skip
