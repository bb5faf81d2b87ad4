"""A tiny history by hand, green as it stands; tests of the checker spoil it in one place each."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.faults import history
from tests.faults.checker import i10_audit, model

Row = dict[str, Any]
#: Tables that are there although nothing is in them.
EMPTY = ("delivery", "drain_note", "group_member", "inbox", "intake", "lookup", "quarantine",
         "report_letter", "silence", "timer")  # fmt: skip
BEGAN = 1_800_000_000.0
STEPS: list[Row] = [
    {"notify": ["anna"]}, {"wait": 4}, {"notify": ["ben"]}, {"wait": 4}, {"notify": ["anna"]},
]  # fmt: skip
POLICY: Row = {
    "group_by": ["alertname"], "group_wait": 1, "group_interval": 5, "repeat_interval": 3600,
    "receivers": {"ops": {"escalation": "primary", "hooks": [], "slack": []}},
    "routes": [{"match": {}, "receiver": "ops"}],
    "escalations": {"primary": {"repeat": 0, "steps": STEPS}},
}  # fmt: skip


def at(second: float) -> str:
    """A moment of the tale as a dump has it."""
    return datetime.fromtimestamp(BEGAN + second, UTC).isoformat()


def labels(name: str, slug: str) -> dict[str, str]:
    return {"alertname": name, "instance": slug, "severity": "critical"}


def policy(slug: str) -> Row:
    people = {name: {"webhook": f"/hook/{slug}/{name}", "phone": "+15550001"}
              for name in ("anna", "ben")}  # fmt: skip
    return {**POLICY, "people": people}


class Tale:
    """Two tenants with one incident each: that of `a` ends by itself, that of `b` by an ack."""

    def __init__(self) -> None:
        tenants = [
            {"id": n, "slug": slug, "canary": f"canary-{slug}-5b1e", "policy": policy(slug)}
            for n, slug in ((1, "a"), (2, "b"))
        ]
        self.run: Row = {
            "seed": 1, "profile": "quick", "began": BEGAN, "ended": BEGAN + 100, "travelled": 0,
            "lease_seconds": 5, "crashes": 0, "settled": True, "left_over": [],
            "secrets": [{"name": "token of a", "value": "toc_k2Jx93hVbnQe7"}], "tenants": tenants,
        }  # fmt: skip
        self.client: list[Row] = []
        self.provider: list[Row] = []
        self.nemesis: list[Row] = []
        self.tables: dict[str, list[Row]] = {name: [] for name in EMPTY}
        self.logs = {"web.log": "all is well\n"}
        self.metrics = ""
        self._ends_by_itself()
        self._ends_by_an_ack()
        self._count()

    def rows(self, table: str) -> list[Row]:
        return self.tables.setdefault(table, [])

    def only(self, table: str, **wanted: Any) -> Row:
        """The one row that has these values."""
        found = [row for row in self.rows(table)
                 if all(row[name] == value for name, value in wanted.items())]  # fmt: skip
        assert len(found) == 1, f"{len(found)} rows of {table} are {wanted}"
        return found[0]

    def post(self, tenant: int, second: float, *alerts: Row, outcome: str = "accepted") -> Row:
        """A request and its answer; returns the answer."""
        id = len(self.client)
        asked = {"id": id, "kind": "post", "tenant": tenant}
        answer = {**asked, "t": BEGAN + second + 0.05, "phase": "end", "outcome": outcome,
                  "status": 200 if outcome == "accepted" else 503, "rejected": []}  # fmt: skip
        self.client += [
            {**asked, "t": BEGAN + second, "phase": "begin", "source": "alertmanager",
             "alerts": list(alerts)},
            answer,
        ]  # fmt: skip
        return answer

    def event(self, tenant: int, mark: str, second: float, kind: str, outcome: str, cause: str
              ) -> Row:  # fmt: skip
        rows = self.rows("alert_event")
        status = "resolved" if kind == "resolved" else "firing"
        rows.append({
            "tenant": tenant, "id": len(rows) + 1, "received_at": at(second), "fingerprint": mark,
            "kind": kind, "status": status, "posted": True, "outcome": outcome, "cause": cause,
            "explained_at": at(second + 1),
        })  # fmt: skip
        return rows[-1]

    def told(self, tenant: int, key: str, second: float, reason: str, events: list[int],
             who: str = "anna", **differs: Any) -> Row:  # fmt: skip
        """A notification with a delivery that arrived at once; returns the delivery."""
        self.rows("notification").append({
            "tenant": tenant, "id": f"n-{key}", "reason": reason, "events": events,
            "group_id": f"group-{tenant}", "incident_id": f"incident-{tenant}",
            "created_at": at(second), "message": {"canary": f"canary-{'ab'[tenant - 1]}-5b1e"},
        })  # fmt: skip
        row = {
            "tenant": tenant, "id": key, "notification_id": f"n-{key}",
            "group_id": f"group-{tenant}", "incident_id": f"incident-{tenant}", "generation": 0,
            "integration": f"@{who}/webhook", "channel": "webhook", "queue": "page",
            "destination": f"http://127.0.0.1/hook/{'ab'[tenant - 1]}/{who}", "state": "sent",
            "in_doubt": False, "cause": None, "due_at": at(second), "created_at": at(second),
            "wanted_at": at(second), "person": who, **differs,
        }  # fmt: skip
        self.rows("delivery").append(row)
        self.rows("delivery_attempt").append({
            "tenant": tenant, "delivery_id": key, "attempt": 1, "started_at": at(second + 0.1),
            "finished_at": at(second + 0.3), "outcome": "sent", "error": None,
        })  # fmt: skip
        self.entry(key, second + 0.2, tenant=tenant, who=who)
        return row

    def entry(
        self, key: str, second: float, *, tenant: int = 1, who: str = "anna", **differs: Any
    ) -> Row:
        """A request to a provider."""
        slug = "ab"[tenant - 1]
        self.provider.append({
            "t": BEGAN + second, "provider": "webhook", "path": f"/hook/{slug}/{who}", "key": key,
            "dest": f"/hook/{slug}/{who}", "body": {"canary": f"canary-{slug}-5b1e"},
            "status": 200, "effect": True, "fault": "none", "seen": 1, **differs,
        })  # fmt: skip
        return self.provider[-1]

    def fault(self, name: str, begin: float, end: float) -> None:
        """Something that is in the way for a while."""
        for phase, second in (("begin", begin), ("end", end)):
            self.nemesis.append({"t": BEGAN + second, "fault": name, "target": "", "phase": phase,
                                 "note": ""})  # fmt: skip

    def step(self, tenant: int, step: int, due: float, done: float, notification: str) -> Row:
        rows = self.rows("escalation_step")
        rows.append({
            "tenant": tenant, "incident_id": f"incident-{tenant}", "name": "primary",
            "generation": 0, "run": 1, "round": 1, "step": step, "due_at": at(due),
            "done_at": at(done), "outcome": "told", "notification_id": notification,
        })  # fmt: skip
        return rows[-1]

    def tell(self, tenant: int, second: float, kind: str, actor: str = "tocsin") -> Row:
        rows = self.rows("timeline")
        rows.append({"tenant": tenant, "incident_id": f"incident-{tenant}", "id": len(rows) + 1,
                     "at": at(second), "kind": kind, "actor": actor, "detail": "{}"})  # fmt: skip
        return rows[-1]

    def opened(self, tenant: int, name: str, state: str, **differs: Any) -> None:
        """An alert with its group, its incident and its escalation."""
        slug = "ab"[tenant - 1]
        mark = model.fingerprint(labels(name, slug))
        self.rows("alert").append({
            "tenant": tenant, "fingerprint": mark, "labels": json.dumps(labels(name, slug)),
            "status": "resolved" if state == "resolved" else "firing", "starts_at": at(-5),
            "ends_at": None, "expires_at": None, "count": 2,
        })  # fmt: skip
        self.rows("alert_group").append({
            "tenant": tenant, "id": f"group-{tenant}", "receiver": "ops",
            "labels": json.dumps({"alertname": name}), "active": state != "resolved",
        })  # fmt: skip
        self.rows("incident_group").append({
            "tenant": tenant, "incident_id": f"incident-{tenant}", "group_id": f"group-{tenant}",
            "left_at": None,
        })  # fmt: skip
        self.rows("incident").append({
            "tenant": tenant, "id": f"incident-{tenant}", "group_id": f"group-{tenant}",
            "state": state, "opened_at": at(2), "resolved_at": None, "resolved_by": None,
            "merged_into": None, **differs,
        })  # fmt: skip
        self.rows("escalation").append({
            "tenant": tenant, "incident_id": f"incident-{tenant}", "name": "primary",
            "state": "stopped", "ended_at": at(8),
        })  # fmt: skip

    def _ends_by_itself(self) -> None:
        """Tenant `a`: two steps, then the alert is over; one repeat came in between."""
        mark = model.fingerprint(labels("Disk", "a"))
        fires = {"labels": labels("Disk", "a"), "startsAt": at(-5), "endsAt": "",
                 "status": "firing"}  # fmt: skip
        self.post(1, 0, fires)
        self.post(1, 3, fires)
        self.post(1, 8, {**fires, "endsAt": at(7), "status": "resolved"})
        self.opened(1, "Disk", "resolved", resolved_at=at(9))
        self.only("alert", tenant=1)["count"] = 3
        self.event(1, mark, 0.02, "new", "notified", "n-a1")
        self.event(1, mark, 8.02, "resolved", "notified", "n-a3")
        self.told(1, "a1", 2, "first", [1])
        self.told(1, "a2", 6, "escalated", [], "ben")
        self.told(1, "a3", 9, "resolved", [2], queue="notify")
        self.told(1, "a4", 9, "resolved", [2], "ben", queue="notify")
        self.step(1, 0, 2, 2, "n-a1")
        self.step(1, 2, 6, 6, "n-a2")
        self.tell(1, 2, "opened")
        self.tell(1, 9, "resolved")

    def _ends_by_an_ack(self) -> None:
        """Tenant `b`: somebody acknowledges before the second step."""
        mark = model.fingerprint(labels("Disk", "b"))
        fires = {"labels": labels("Disk", "b"), "startsAt": at(-5), "endsAt": "",
                 "status": "firing"}  # fmt: skip
        self.post(2, 0, fires)
        self.post(2, 1, fires, outcome="doubt")
        self.opened(2, "Disk", "acknowledged")
        self.event(2, mark, 0.02, "new", "notified", "n-b1")
        self.told(2, "b1", 2, "first", [3])
        self.step(2, 0, 2, 2, "n-b1")
        self.tell(2, 2, "opened")
        self.tell(2, 4, "acknowledged", "ben")
        asked = {"id": "ack", "kind": "act", "tenant": 2}
        self.client += [
            {**asked, "t": BEGAN + 3.9, "phase": "begin", "incident": "incident-2", "act": "ack",
             "via": "api", "who": "ben"},
            {**asked, "t": BEGAN + 4.1, "phase": "end", "outcome": "accepted", "status": 200},
        ]  # fmt: skip
        self.audit("incident.ack", "incident-2", 4)

    def audit(self, act: str, subject: str, second: float) -> None:
        rows = self.rows("audit")
        row = {"tenant": 2, "seq": len(rows) + 1, "at": at(second), "actor": "ben", "act": act,
               "subject": subject, "detail": "{}"}  # fmt: skip
        prev = bytes.fromhex(rows[-1]["hash"]) if rows else b""
        rows.append({**row, "prev": prev.hex(), "hash": i10_audit.link(prev, row).hex()})

    def _count(self) -> None:
        for tenant, accepted, slug in ((1, 3, "a"), (2, 2, "b")):
            counted = {"tenant": tenant, "name": "alerts_accepted_total", "labels": "alertmanager"}
            self.rows("intake").append({"tenant": tenant, "alerts": accepted, "body": []})
            self.rows("counter").append({**counted, "value": accepted - 1.0})
            self.rows("tally").append({**counted, "value": 1.0})
            self.rows("counter").append({"tenant": tenant, "name": "alerts_processed_total",
                                         "labels": "critical|repeat", "value": 1.0})  # fmt: skip
            named = f'tenant_id="{slug}",source="alertmanager"'
            self.metrics += f"tocsin_alerts_accepted_total{{{named}}} {accepted}.0\n"

    def write(self, folder: Path) -> Path:
        """The tale as a folder of files."""
        (folder / history.DUMP).mkdir(parents=True)
        (folder / history.LOGS).mkdir()
        (folder / history.RUN).write_text(json.dumps(self.run))
        files = [(history.CLIENT, self.client), (history.PROVIDER, self.provider),
                 (history.NEMESIS, self.nemesis)]  # fmt: skip
        files += [(f"{history.DUMP}/{name}.jsonl", rows) for name, rows in self.tables.items()]
        for name, lines in files:
            text = "".join(json.dumps(line) + "\n" for line in lines)
            (folder / name).write_text(text)
        (folder / history.METRICS).write_text(self.metrics)
        for name, text in self.logs.items():
            (folder / history.LOGS / name).write_text(text)
        return folder


Spoil = Callable[[Tale], object]
