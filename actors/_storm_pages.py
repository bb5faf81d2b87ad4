"""What receivers are told of a storm: composed, planned, and noted."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

import channels
from actors import _escalations, _groups, _messages, _runtime
from schemas.message import Message, Reason
from schemas.parts import say_duration
from tocsin import i18n, ids
from tocsin.domain import escalation, folding, notifying, policy, severity
from tocsin.domain import storms as rules
from tocsin.i18n import gales
from tocsin.storage import (
    deliveries,
    escalations,
    groups,
    incidents,
    memberships,
    storms,
    timelines,
)
from tocsin.storage.record import Transaction
from workers import queues

Row = dict[str, Any]
Ring = tuple[str, str]

#: Alerts that one message looks at; the rest are counted.
LOOKED_AT = 100
#: Groups that a message names.
NAMED = 5
_LINES = uuid.UUID("6f1c9a34-7a0b-4f0e-8f0a-9b7d1d2f5e11")


def listener(row: Row) -> rules.Listener:
    """A receiver and what it heard, as the rules think of it."""
    return rules.Listener(row["receiver"], row["folded"], row["heard"] or 0, row["told_at"])


@dataclass
class Pages:
    """The messages of one look at one storm, both of which are locked."""

    here: _runtime.Runtime
    tx: Transaction
    tenant: _runtime.Tenant
    row: Row
    incident: Row | None

    def tell(self, heard: Sequence[Row], phase: rules.Phase) -> set[Ring]:
        """Tell these receivers how it stands: that it began, goes on, or is over."""
        if not heard:
            return set()
        self._call_it(heard[0])
        found: set[Ring] = set()
        for each in heard:
            line = self._line(each)
            rows, firing = storms.firing(self.tx, self.row, each["receiver"], LOOKED_AT)
            reason = self._reason(each, phase, firing)
            message = self._message(each, line, reason, self._why(reason, phase), rows, firing)
            found |= self._plan(each, line, message)
            if each["told_at"] is None:
                found |= self._escalate(each, line)
            elif phase == "over":
                found |= self._to_people(each, line, message)
        storms.tell(self.tx, [self._told(each) for each in heard])
        self._note(heard, phase)
        return found

    def end(self, heard: Sequence[Row]) -> set[Ring]:
        """Nothing of it fires any more, or somebody resolved it: who heard of it hears of that."""
        return self._state(heard, "resolved")

    def show(self, heard: Sequence[Row]) -> set[Ring]:
        """Where a message can be changed, show that somebody has it."""
        if self.incident is None or self.incident["state"] != "acknowledged":
            return set()
        return self._state(heard, "acknowledged")

    def _state(self, heard: Sequence[Row], reason: Reason) -> set[Ring]:
        assert self.incident is not None
        found: set[Ring] = set()
        seen = self.incident["generation"]
        for each in heard:
            if each["told_at"] is None or each["shown"] >= seen:
                continue
            line = self._line(each)
            rows, firing = storms.firing(self.tx, self.row, each["receiver"], LOOKED_AT)
            why = i18n.say(f"storm.why.{reason}", gales.locale(self.tenant.policy))
            message = self._message(each, line, reason, why, rows, firing)
            found |= self._plan(each, line, message)
            storms.shown(self.tx, self.row, each["receiver"], seen)
        return found

    def _reason(self, each: Row, phase: rules.Phase, firing: int) -> Reason:
        assert self.incident is not None
        if each["told_at"] is None:
            return "first"
        over = phase == "over" and self.incident["state"] == "resolved" and not firing
        return "resolved" if over else "new_alerts"

    def _call_it(self, first: Row) -> None:
        """Let the incident be called what the storm is now."""
        shared = rules.said(storms.pairs(self.row["labels"]), self.row["alerts"])
        title = gales.title(
            self.row["alerts"], (self.row["ended_at"] or self.tx.now) - self.row["since"], shared,
            gales.locale(self.tenant.policy),
        )  # fmt: skip
        self.incident = {**(self.incident or self._opened(first)), "title": title}
        incidents.write(self.tx, [self.incident])

    def _opened(self, first: Row) -> Row:
        """All that was folded joined incidents that were open before: the storm has its own.

        Nothing else would ever resolve it, so that of a storm that is over is resolved.
        """
        over = self.row["ended_at"]
        rows, _ = storms.firing(self.tx, self.row, first["receiver"], LOOKED_AT)
        made = {
            "tenant": self.row["tenant"], "id": ids.new(self.tx.now),
            "group_id": self._line_of(first["receiver"]),
            "severity": severity.worst(row["severity"] for row in rows),
            "state": "resolved" if over else "open",
            "generation": 0, "opened_at": self.tx.now, "acknowledged_at": None,
            "acknowledged_by": None, "resolved_at": over, "resolved_by": None, "reopens_at": None,
            "reopened_at": None, "gained_at": self.tx.now, "merged_into": None,
        }  # fmt: skip
        storms.opened(
            self.tx,
            [{"tenant": made["tenant"], "id": self.row["id"], "incident_id": made["id"]}],
        )
        timelines.tell(self.tx, [incidents.entry(made, "opened", "tocsin", {"alerts": len(rows)})])
        return made

    def _line_of(self, receiver: str) -> uuid.UUID:
        return uuid.uuid5(_LINES, f"{self.row['tenant']} {self.row['id']} {receiver}")

    def _line(self, each: Row) -> Row:
        """The group, without alerts, in whose line the messages to this receiver stand."""
        assert self.incident is not None
        id = self._line_of(each["receiver"])
        shared = rules.said(storms.pairs(self.row["labels"]), self.row["alerts"])
        labels = orjson.dumps({one.name: one.value for one in shared}).decode()
        line = {"tenant": self.row["tenant"], "id": id, "route": each["route"],
                "receiver": each["receiver"], "labels": labels,
                "policy_version": self.tenant.version or 0}  # fmt: skip
        if each["told_at"] is None:
            groups.ensure(self.tx, [line])
        self._belongs(id)
        return line

    def _belongs(self, line: uuid.UUID) -> None:
        """The incident may be another one than before: the first was resolved meanwhile."""
        assert self.incident is not None
        key = (self.row["tenant"], line)
        known = memberships.of(self.tx, [key]).get(key)
        if known is None or known["incident_id"] != self.incident["id"]:
            memberships.join(self.tx, [
                {"tenant": key[0], "group_id": line, "incident_id": self.incident["id"],
                 "reason": folding.LINE, "confidence": 1.0, "detail": "{}", "facts": "{}"}
            ])  # fmt: skip

    def _why(self, reason: Reason, phase: rules.Phase) -> str:
        assert self.tenant.policy is not None
        settings, by = self.tenant.policy.storms, self.row["ended_by"]
        key = reason if reason == "resolved" or phase != "over" else "ended_by" if by else "ended"
        return i18n.say(
            f"storm.why.{key}", gales.locale(self.tenant.policy), threshold=settings.threshold,
            window=say_duration(settings.window), interval=say_duration(settings.page_interval),
            by=by or "",
        )  # fmt: skip

    def _message(
        self, each: Row, line: Row, reason: Reason, why: str, rows: Sequence[Row], firing: int
    ) -> Message:  # fmt: skip
        assert self.incident is not None
        about = _messages.About(
            self.tenant.slug, each["receiver"], line, _groups.incident(self.incident),
            self.here.settings.public_url,
        )  # fmt: skip
        composed = _messages.compose(about, reason, why, rows, self.tx.now)
        notes = gales.notes(
            each, storms.groups(self.tx, self.row, NAMED), gales.locale(self.tenant.policy)
        )
        # What fires of it may be in incidents that were open before.
        goes_on = reason in notifying.PAGING and composed.state == "resolved"
        return composed.model_copy(update={
            "state": "open" if goes_on else composed.state,
            "notes": [*notes, *composed.notes], "firing": firing,
            "truncated": max(0, firing - len(composed.alerts)),
        })  # fmt: skip

    def _plan(self, each: Row, line: Row, message: Message) -> set[Ring]:
        """Deliveries to the channels of a receiver, in the line of the storm."""
        assert self.incident is not None
        ways = [way for way in self._ways(each["receiver"]) if _wants(way, message.reason)]
        if not ways:
            return set()
        made = self._notification(line, message)
        wakes = message.severity == "critical" and message.reason in notifying.PAGING
        planned = [
            {"tenant": self.row["tenant"], "id": ids.new(self.tx.now),
             "notification_id": made["id"], "group_id": line["id"],
             "incident_id": self.incident["id"], "generation": self.incident["generation"],
             "integration": way.key, "channel": way.channel,
             "destination": channels.REGISTRY[way.channel].destination(way.settings),
             "queue": queues.PAGE if wakes else queues.NOTIFY}
            for way in ways
        ]  # fmt: skip
        deliveries.plan(self.tx, [made], planned, self._log(line, ways, message))
        return {(queues.deliver(row["channel"]), row["queue"]) for row in planned}

    def _log(self, line: Row, ways: Iterable[policy.Integration], message: Message) -> list[Row]:
        assert self.incident is not None
        key = (self.row["tenant"], line["id"])
        before = {row["integration"]: row for row in deliveries.told(self.tx, [key])}
        same = {name: row["ref"] for name, row in before.items()
                if row["incident_id"] == self.incident["id"]}  # fmt: skip
        return [
            {"tenant": key[0], "group_id": key[1], "integration": way.key,
             "incident_id": self.incident["id"], "firing": [], "resolved": [], "held": [],
             "reason": message.reason, "ref": same.get(way.key), "severity": message.severity,
             "carried": False}
            for way in ways
        ]  # fmt: skip

    def _notification(self, line: Row, message: Message) -> Row:
        carried = {"events": [], "events_since": self.tx.now}
        return _escalations.notification(
            self.here, self.tx, self.tenant, line["id"], message, carried
        )

    def _ways(self, receiver: str) -> Sequence[policy.Integration]:
        assert self.tenant.policy is not None
        known = self.tenant.policy.receivers.get(receiver)
        return known.integrations if known else ()

    def _escalate(self, each: Row, line: Row) -> set[Ring]:
        """The escalation of the receiver goes through the storm, once."""
        assert self.tenant.policy is not None
        assert self.incident is not None
        known = self.tenant.policy.receivers.get(each["receiver"])
        chain = known.escalation if known else None
        if chain is None or chain not in self.tenant.policy.escalations:
            return set()
        went = [
            e["name"] for e in escalations.of(self.tx, [(self.row["tenant"], self.incident["id"])])
        ]
        if chain in went or self.incident["state"] != "open":
            return set()
        made = {
            "tenant": self.row["tenant"], "incident_id": self.incident["id"], "name": chain,
            "group_id": line["id"], "receiver": each["receiver"],
            "chain": escalation.frozen(self.tenant.policy.escalations[chain]),
            "reason": "first", "severity": self.incident["severity"],
            "policy_version": self.tenant.version, "generation": self.incident["generation"],
            "run": 1, "round": 1, "step": 0, "state": "running", "told": 0, "due_at": self.tx.now,
            "began_at": self.tx.now, "ended_at": None, "cause": None, "alarmed": None,
            "shown": None, "events": [], "events_since": self.tx.now,
        }  # fmt: skip
        escalations.write(self.tx, [made])
        began = escalations.entry(made, "escalation_begun", {"reason": "first", "again": False})
        timelines.tell(self.tx, [began])
        return {("escalate", self.here.queues["escalate"])}

    def _to_people(self, each: Row, line: Row, message: Message) -> set[Ring]:
        """Who was paged by the escalation of this receiver gets the digest too."""
        assert self.incident is not None
        key = (self.row["tenant"], self.incident["id"])
        paged = [one for one in escalations.paged(self.tx, [key]) if one["group_id"] == line["id"]]
        if message.reason == "resolved" or not paged:
            return set()
        made = self._notification(line, message)
        return _escalations.plan(self.tx, [made], [
            {**one, "id": ids.new(self.tx.now), "notification_id": made["id"],
             "generation": self.incident["generation"], "queue": queues.NOTIFY,
             "facts": _escalations.facts_after(one["facts"])}
            for one in paged
        ])  # fmt: skip

    def _told(self, each: Row) -> Row:
        assert self.incident is not None
        line = self._line_of(each["receiver"])
        return {"tenant": self.row["tenant"], "storm_id": self.row["id"],
                "receiver": each["receiver"], "group_id": line, "alerts": each["folded"],
                "shown": self.incident["generation"]}  # fmt: skip

    def _note(self, heard: Sequence[Row], phase: rules.Phase) -> None:
        assert self.incident is not None
        by = self.row["ended_by"]
        kind = "storm_told" if phase != "over" else "storm_ended_by" if by else "storm_ended"
        detail = {"alerts": self.row["alerts"], "to": ", ".join(each["receiver"] for each in heard)}
        timelines.tell(self.tx, [incidents.entry(self.incident, kind, by or "tocsin", detail)])


def _wants(way: policy.Integration, reason: Reason) -> bool:
    if reason == "acknowledged":
        return way.channel in _escalations.IN_PLACE
    return reason != "resolved" or way.send_resolved
