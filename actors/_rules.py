"""The rules of the tenants of one transaction: their states read and locked once, written once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import structlog

from actors import _runtime
from tocsin.domain import fingerprint, judging, rules, windows
from tocsin.domain.change import Change, Repeat
from tocsin.domain.judging import Entry, Memory, Met
from tocsin.domain.rules import Rule
from tocsin.storage import events, inbox, rule_states, timers
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies

log = structlog.get_logger(__name__)

FAILED = "rules_failed_total"
_state = msgspec.json.Decoder(windows.State)
#: (tenant, fingerprint)
Mark = tuple[int, str]


@dataclass
class Bench:
    """Where the rules of a transaction's tenants sit, with what they remember of its alerts."""

    tx: Transaction
    tenants: dict[int, _runtime.Tenant]
    tallies: Tallies
    memories: dict[int, Memory] = field(default_factory=dict)
    met: list[tuple[int, Met]] = field(default_factory=list)

    def rules(self, tenant: int) -> rules.Rules:
        policy = self.tenants[tenant].policy
        return policy.rules if policy else rules.Rules()

    def hear(self, changes: Iterable[Change], repeats: Iterable[Repeat], over: set[Mark]) -> None:
        """Let these meet the rules, and settle what follows; `changes` are in order.

        `over` are alerts that ended by now although a change or repeat here says that they fire.
        """
        now = self.tx.now
        for change in changes:
            own, ended = self.rules(change.tenant), (change.tenant, change.fingerprint) in over
            failed = self._failed(change.tenant)
            met = judging.of_change(own, change, now, failed, over=ended)
            self.met.append((change.tenant, met))
        latest = {(tenant, met.change.fingerprint): met.change for tenant, met in self.met}
        again = [(each.change.tenant, self._repeat(each, latest)) for each in repeats]
        self._remember([*self.met, *again])
        told = sorted([*self.met, *again], key=lambda pair: pair[1].at)
        for tenant, met in told:
            if self.rules(tenant).remembers:
                mark = (tenant, met.change.fingerprint)
                settled = met.change.event == 0 and (mark in latest or mark in over)
                memory, failed = self.memories.setdefault(tenant, {}), self._failed(tenant)
                judging.feed(met, memory, now, failed, only_count=settled)
        for memory in self.memories.values():
            judging.settle(memory, now)

    def write(self) -> set[str]:
        """Write what changed, raise and end alerts, send round whom it concerns; whom to wake."""
        raised = self._raise()
        self._write_states()
        post(self.tx, raised)
        turned = self._turned()
        made = send_round(self.tx, self.tenants, turned)
        self._arm()
        return ({"dedup"} if raised else set()) | ({"evaluate"} if made else set())

    def _write_states(self) -> None:
        fresh, changed, over = [], [], []
        for tenant, entry in self._entries():
            item = _item(tenant, entry)
            if windows.idle(entry.state):
                if entry.stored is not None:
                    over.append(item)
            elif entry.stored is None:
                fresh.append(item)
            elif item["state"].encode() != entry.stored or entry.due != entry.armed:
                changed.append(item)
        for items in (fresh, changed, over):
            items.sort(key=lambda item: (item["tenant"], item["key"], item["rule"]))
        rule_states.insert(self.tx, fresh)
        rule_states.update(self.tx, changed)
        rule_states.forget(self.tx, over)

    def recall(self, keys: Iterable[Mark]) -> list[dict[str, Any]]:
        """Lock and read the states under these keys; those of rules that are gone are returned."""
        lost = []
        for row in rule_states.lock(self.tx, set(keys)):
            rule = self.rules(row["tenant"]).by_id.get(row["rule"])
            if rule is None:
                lost.append(row)
                continue
            stored = row["state"].encode()
            armed = windows.ticks(row["due_at"]) if row["due_at"] else None
            entry = Entry(row["key"], rule, _state.decode(stored), stored, armed=armed)
            self.memories.setdefault(row["tenant"], {})[row["key"], rule.id] = entry
        return lost

    def _remember(self, told: list[tuple[int, Met]]) -> None:
        self.recall(
            (tenant, key)
            for tenant, met in told
            if self.rules(tenant).remembers
            for key in judging.keys(met)
        )

    def _repeat(self, repeat: Repeat, latest: dict[Mark, Change]) -> Met:
        """Enrichment may have looked at the alert in this very drain."""
        change = repeat.change
        if fresher := latest.get((change.tenant, change.fingerprint)):
            change.added, change.extra = fresher.added, fresher.extra
        failed = self._failed(change.tenant)
        return judging.of_repeat(self.rules(change.tenant), repeat, self.tx.now, failed)

    def _failed(self, tenant: int) -> judging.Failed:
        def failed(rule: Rule, error: Exception) -> None:
            self.tallies.add(tenant, FAILED, rule.name)
            log.warning("rule failed", tenant=tenant, rule=rule.name, error=repr(error)[:300])

        return failed

    def _entries(self) -> list[tuple[int, Entry]]:
        return [(id, entry) for id, memory in self.memories.items() for entry in memory.values()]

    def _raise(self) -> list[tuple[int, Rule | None, dict[str, str], str]]:
        """Raise where a rule came on, end where it went off."""
        posts: list[tuple[int, Rule | None, dict[str, str], str]] = []
        for tenant, entry in self._entries():
            state, rule = entry.state, entry.rule
            if rule.effects.raises is None:
                continue
            if state.on and state.raised is None:
                state.raised = rules.raised_labels(rule, state.labels)
                posts.append((tenant, rule, state.raised, "firing"))
            elif not state.on and state.raised is not None:
                posts.append((tenant, rule, state.raised, "resolved"))
                state.raised = None
        return posts

    def _turned(self) -> set[Mark]:
        """Alerts that a rule's turning concerns and that are not in this drain anyway."""
        here = {(tenant, met.change.fingerprint) for tenant, met in self.met if not met.over}
        found = {
            (tenant, mark)
            for tenant, entry in self._entries()
            for mark in entry.turned
            if entry.rule.effects.touch or entry.rule.looks_back
        }
        return found - here

    def _arm(self) -> None:
        due, over = [], []
        for tenant, entry in self._entries():
            item = {"tenant": tenant, "subject": subject(entry.rule.id, entry.key)}
            wanted = None if windows.idle(entry.state) else entry.due
            if wanted == entry.armed:
                continue
            if wanted is not None:
                due.append({**item, "due_at": windows.moment(wanted)})
            else:
                over.append(item)
        timers.exactly(self.tx, "rule", due)
        timers.drop(self.tx, "rule", over)


def subject(rule: str, key: str) -> str:
    """What a timer of kind "rule" is about."""
    return f"{rule} {key}"


def post(tx: Transaction, posts: list[tuple[int, Rule | None, dict[str, str], str]]) -> None:
    """Post raised alerts; one that another state still holds raised is not ended."""
    ends = {(tenant, _mark(labels)) for tenant, _, labels, status in posts if status != "firing"}
    held = rule_states.raised(tx, ends)
    inbox.raise_own(
        tx,
        [
            (tenant, _own(rule, labels, status, tx.now))
            for tenant, rule, labels, status in posts
            if status == "firing" or (tenant, _mark(labels)) not in held
        ],
    )


def _own(rule: Rule | None, labels: dict[str, str], status: str, now: datetime) -> dict[str, Any]:
    raises = rule.effects.raises if rule else None
    annotations = {**raises.annotations, "rule": rule.name} if rule and raises else {}
    return {"labels": labels, "annotations": annotations, "status": status,
            "source": rules.RAISED, "starts_at": now if status == "firing" else None}  # fmt: skip


def _mark(labels: dict[str, str]) -> str:
    return fingerprint.fingerprint(labels)


def send_round(tx: Transaction, tenants: dict[int, _runtime.Tenant], marks: set[Mark]) -> bool:
    """Let those of these alerts that fire be judged and grouped anew; True where there are some."""
    found = rule_states.firing(tx, marks)
    made = events.insert(
        tx,
        [
            {"tenant": row["tenant"], "received_at": tx.now, "fingerprint": row["fingerprint"],
             "kind": "judged", "status": "firing", "severity": row["severity"], "posted": False,
             "policy_version": tenants[row["tenant"]].version, "outcome": None, "cause": None}
            for row in found
        ],
    )  # fmt: skip
    by_tenant: dict[int, list[int]] = {}
    for id, row in zip(made, found, strict=True):
        by_tenant.setdefault(row["tenant"], []).append(id)
    inbox.hand_on(tx, "evaluate", [(tenant, some, tx.now) for tenant, some in by_tenant.items()])
    return bool(made)


def retire(tx: Transaction, tenant: _runtime.Tenant) -> None:
    """Forget what rules remember that the policy no longer has; end what they raised."""
    known = list(tenant.policy.rules.by_id) if tenant.policy else []
    drop(tx, rule_states.of_other_rules(tx, tenant.id, known))


def drop(tx: Transaction, rows: list[dict[str, Any]]) -> None:
    """Forget these locked states with their timers, and end what they raised."""
    rule_states.forget(tx, [{k: row[k] for k in ("tenant", "key", "rule")} for row in rows])
    ends = [(row["tenant"], _state.decode(row["state"]).raised) for row in rows]
    post(tx, [(tenant, None, labels, "resolved") for tenant, labels in ends if labels])
    timers.drop(
        tx, "rule",
        [{"tenant": row["tenant"], "subject": subject(row["rule"], row["key"])} for row in rows],
    )  # fmt: skip


def _item(tenant: int, entry: Entry) -> dict[str, Any]:
    raised = entry.state.raised
    return {
        "tenant": tenant,
        "key": entry.key,
        "rule": entry.rule.id,
        "state": msgspec.json.encode(entry.state).decode(),
        "raised": _mark(raised) if raised else None,
        "due_at": windows.moment(entry.due) if entry.due is not None else None,
    }
