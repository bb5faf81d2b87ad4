"""What a flush knows of incidents while it decides one group after the other."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import orjson

from actors import _groups, _storms
from tocsin import errors, i18n, ids
from tocsin.domain import correlation, flushing, folding, severity, sharing
from tocsin.storage import incidents, memberships
from tocsin.storage.memberships import IncidentKey
from tocsin.storage.record import Transaction

Row = dict[str, Any]

#: Incidents of all tenants of a flush that a group may join; of more, the newest.
CANDIDATES = 500


@dataclass(slots=True)
class Part:
    """A group of an incident."""

    receiver: str
    joined_at: datetime
    active: bool
    facts: correlation.Facts


@dataclass(slots=True)
class Scene:
    """An incident with its groups; by integration who told of it, and what was heard.

    `tellers` are the groups in the order in which they joined, and whether each has a message of
    its own at the provider. `whole` False: these two were not read yet.
    """

    incident: flushing.Incident
    founder: uuid.UUID
    gained_at: datetime
    merged_into: uuid.UUID | None = None
    parts: dict[uuid.UUID, Part] = field(default_factory=dict)
    tellers: dict[str, dict[uuid.UUID, bool]] = field(default_factory=dict)
    heard: dict[str, sharing.Heard] = field(default_factory=dict)
    whole: bool = False
    #: It is a storm's: `parts` are those of this flush and one more, for there may be thousands.
    storm: bool = False

    def line(self, integration: str, group: uuid.UUID) -> uuid.UUID:
        """Whose message the group changes where a message can be changed: one for all, if so."""
        tellers = self.tellers.get(integration, {})
        if tellers.get(group):
            return group
        return next((id for id, own in tellers.items() if own), next(iter(tellers), group))


class Desk:
    """The incidents that the groups of one flush are in or may join, locked."""

    def __init__(self, tx: Transaction, window: timedelta) -> None:
        self._tx = tx
        self._window = window
        self._scenes: dict[IncidentKey, Scene] = {}
        self._of: dict[tuple[int, uuid.UUID], Row] = {}
        self._rows: dict[IncidentKey, Row] = {}
        self.changed: dict[IncidentKey, Scene] = {}
        self.weather = _storms.Weather({}, {})

    def hold(self, sheets: Sequence[_groups.Sheet]) -> None:
        """Lock the incidents; for tenants with rules, be the only one who opens further ones."""
        keys = [(sheet.tenant.id, sheet.row["id"]) for sheet in sheets]
        self._of = memberships.of(self._tx, keys)
        since = {}
        for sheet, key in zip(sheets, keys, strict=True):
            if _rules(sheet) and self._may_open(sheet, key):
                widest = max(rule.window or self._window for rule in _rules(sheet))
                since[sheet.tenant.id] = self._tx.now - widest
        memberships.gather(self._tx, since)
        self.weather = _storms.hold(self._tx, sheets)
        wanted = {(tenant, row["incident_id"]) for (tenant, _), row in self._of.items()}
        wanted |= set(memberships.gaining(self._tx, since, CANDIDATES)) | self.weather.keys()
        self._rows = incidents.lock(self._tx, wanted)
        for sheet, key in zip(sheets, keys, strict=True):
            member = self._of.get(key)
            if member is None or not _rules(sheet) or sheet.tenant.id in since:
                continue
            if _firing(sheet) and self._rows[key[0], member["incident_id"]]["state"] == "resolved":
                raise errors.Again("it was resolved meanwhile; it may have to join another")

    def read(self, sheets: Sequence[_groups.Sheet], *, again: bool) -> None:
        """Read what is locked; `again` where groups left their incidents meanwhile."""
        if again:
            keys = [(sheet.tenant.id, sheet.row["id"]) for sheet in sheets]
            self._of = memberships.of(self._tx, keys)
            self._rows = incidents.lock(self._tx, self._rows)
        self._scenes = {key: _scene(row) for key, row in self._rows.items()}
        for key in self._stormy():
            self._scenes[key].storm = True
        self._read_parts([sheet.row["id"] for sheet in sheets])
        mine = {(tenant, row["incident_id"]) for (tenant, _), row in self._of.items()}
        wanted = {key for key in mine if len(self._scenes[key].parts) > 1} | self._stormy()
        for sheet in sheets:
            if (join := self._join(sheet)) is not None:
                wanted.add((sheet.tenant.id, join.incident))
        self._complete(wanted)
        for key in mine - wanted:
            self._scenes[key].whole = True

    def _stormy(self) -> set[IncidentKey]:
        """The incidents of storms."""
        found = {(tenant, row["incident_id"]) for (tenant, _), row in self._of.items()
                 if row["reason"] == folding.STORM}  # fmt: skip
        return (found | self.weather.keys()) & self._scenes.keys()

    def _read_parts(self, mine: Sequence[uuid.UUID]) -> None:
        stormy = self._stormy()
        found = memberships.groups_of(self._tx, sorted(self._scenes.keys() - stormy))
        for row in (*found, *memberships.few_of(self._tx, sorted(stormy), mine)):
            part = Part(row["receiver"], row["joined_at"], row["active"], _facts(row["facts"]))
            self._scenes[row["tenant"], row["incident_id"]].parts[row["group_id"]] = part

    def _storm(self, sheet: _groups.Sheet) -> folding.Storm | None:
        """The storm that the group is to be flushed in."""
        row = self.weather.rows.get(sheet.tenant.id)
        if row is None:
            return None
        scene = self._scenes.get((sheet.tenant.id, row["incident_id"]))
        if scene is not None and scene.incident.state == "resolved":
            scene = None
        place = self.weather.places.get((sheet.tenant.id, sheet.row["id"]), {})
        fresh = flushing.Incident(
            ids.new(self._tx.now), i18n.say("storm.title"), "none", "open", 0, self._tx.now
        )
        return folding.Storm(
            row["id"], scene.incident if scene else fresh, scene is not None,
            dict(scene.heard) if scene else {}, bool(place.get("passed_at")),
            bool(place.get("promoted_at")),
        )  # fmt: skip

    def seat(self, sheet: _groups.Sheet) -> flushing.Group:
        """The group with its incident and what its other groups are at."""
        assert sheet.group is not None
        group, scene = dataclasses.replace(sheet.group, storm=self._storm(sheet)), self.own(sheet)
        if scene is None:
            return group
        me = group.id
        if self._of[sheet.tenant.id, me]["reason"] == folding.STORM:
            return _in_storm(group, scene)
        others = [part for id, part in scene.parts.items() if id != me]
        shows = {each.key for each in group.receiver.integrations if scene.line(each.key, me) == me}
        return dataclasses.replace(
            group,
            incident=scene.incident,
            alone=not others,
            others_go_on=any(part.active for part in others),
            joined_at=scene.parts[me].joined_at if me in scene.parts else None,
            heard=dict(scene.heard),
            shows=frozenset(shows),
        )

    def own(self, sheet: _groups.Sheet) -> Scene | None:
        """The incident that the group is in."""
        member = self._of.get((sheet.tenant.id, sheet.row["id"]))
        return self._scenes[sheet.tenant.id, member["incident_id"]] if member else None

    def target(self, sheet: _groups.Sheet) -> flushing.Target | None:
        """The open incident that the group may join, by the rules of its tenant."""
        join = self._join(sheet)
        if join is None:
            return None
        key = (sheet.tenant.id, join.incident)
        if not self._scenes[key].whole:
            self._complete({key})
        scene = self._scenes[key]
        return flushing.Target(scene.incident, join, dict(scene.heard))

    def apply(self, sheet: _groups.Sheet, plan: flushing.Plan) -> Scene | None:
        """Let the groups that follow see what was decided; returns the scene it played in."""
        incident, me, tenant = plan.incident, sheet.row["id"], sheet.tenant.id
        if incident is None:
            return None
        key = (tenant, incident.id)
        scene = self._scenes.get(key)
        if scene is None:
            scene = Scene(incident, me, self._tx.now, whole=True)
            self._scenes[key] = scene
        if scene.incident != incident or plan.act is not None:
            self.changed[key] = scene
        scene.incident = incident
        if plan.act in ("opened", "reopened", "joined"):
            scene.gained_at = self._tx.now
        active = len(sheet.members) > len(plan.leaving) + len(plan.waiting)
        if plan.act in ("opened", "joined"):
            self._move(sheet, plan, scene, active=active)
        elif me in scene.parts:
            scene.parts[me].active = active
        _hear(scene, me, plan, self._tx.now)
        return scene

    def _move(
        self, sheet: _groups.Sheet, plan: flushing.Plan, scene: Scene, *, active: bool
    ) -> None:
        """The group is in this one from now on, and in no other."""
        tenant, me = sheet.tenant.id, sheet.row["id"]
        if plan.storm and plan.act == "opened":
            scene.storm = True
            self.weather.rows[tenant]["incident_id"] = scene.incident.id
        if (left := self.own(sheet)) is not None:
            left.parts.pop(me, None)
        scene.parts[me] = Part(sheet.row["receiver"], self._tx.now, active, facts(sheet))
        self._of[tenant, me] = {
            "incident_id": scene.incident.id, "state": scene.incident.state,
            "facts": _text(facts(sheet)), "reason": plan.join.kind if plan.join else "opened",
        }  # fmt: skip

    def noted(self, sheet: _groups.Sheet) -> str | None:
        """The facts of the group, as stored, if they have changed since; nothing of an end."""
        member = self._of.get((sheet.tenant.id, sheet.row["id"]))
        if member is None or not _firing(sheet):
            return None
        now = _text(facts(sheet))
        return now if now != member["facts"] else None

    def _may_open(self, sheet: _groups.Sheet, key: tuple[int, uuid.UUID]) -> bool:
        member = self._of.get(key)
        return bool(_firing(sheet)) and (member is None or member["state"] == "resolved")

    def _join(self, sheet: _groups.Sheet) -> correlation.Join | None:
        own = self.own(sheet)
        policy = sheet.tenant.policy
        if policy is None or not _rules(sheet) or not _firing(sheet):
            return None
        if own is not None and own.incident.state != "resolved":
            return None
        return correlation.join(
            self._candidates(sheet.tenant.id), facts(sheet), policy.correlate, self._tx.now,
            window=self._window, services=policy.services,
        )  # fmt: skip

    def _candidates(self, tenant: int) -> Iterable[correlation.Candidate]:
        for (of, id), scene in self._scenes.items():
            if of == tenant and scene.incident.state != "resolved" and not scene.storm:
                incident = scene.incident
                yield correlation.Candidate(
                    id, incident.state, incident.opened_at, scene.gained_at,
                    tuple(part.facts for part in scene.parts.values()),
                )  # fmt: skip

    def _complete(self, wanted: Iterable[IncidentKey]) -> None:
        """Read who told what of these incidents."""
        keys = sorted(wanted)
        for key in keys:
            self._scenes[key].whole = True
        pages = {(row["tenant"], row["incident_id"], row["integration"]): row
                 for row in memberships.pages_of(self._tx, keys)}  # fmt: skip
        stormy = [key for key in keys if self._scenes[key].storm]
        for row in memberships.heard_of(self._tx, stormy):
            key, page = (
                (row["tenant"], row["incident_id"]),
                pages.get((row["tenant"], row["incident_id"], row["integration"])),
            )
            heard = sharing.Heard(
                severity.worst(row["severities"]) if row["severities"] else None, row["at"],
                _page(page),
            )  # fmt: skip
            self._scenes[key].heard[row["integration"]] = heard
        for row in memberships.logs_of(self._tx, [key for key in keys if key not in stormy]):
            key, integration = (row["tenant"], row["incident_id"]), row["integration"]
            scene = self._scenes[key]
            scene.tellers.setdefault(integration, {})[row["group_id"]] = row["thread"]
            before = scene.heard.get(integration, sharing.NOTHING)
            scene.heard[integration] = _heard(before, row, pages.get((*key, integration)))


def facts(sheet: _groups.Sheet) -> correlation.Facts:
    """What the rules of its tenant compare of the group now."""
    policy = sheet.tenant.policy
    if policy is None or not policy.correlate:
        return correlation.Facts()
    own = orjson.loads(sheet.row["labels"])
    return correlation.facts(policy.correlate, policy.services, own, _firing(sheet))


def stored(sheet: _groups.Sheet) -> str:
    """The same as the record keeps it."""
    return _text(facts(sheet))


def row(tenant: int, scene: Scene) -> Row:
    """The incident as it is stored."""
    incident = scene.incident
    return {
        "tenant": tenant, "id": incident.id, "group_id": scene.founder, "title": incident.title,
        "severity": incident.severity, "state": incident.state,
        "generation": incident.generation, "opened_at": incident.opened_at,
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by, "resolved_at": incident.resolved_at,
        "resolved_by": incident.resolved_by, "gained_at": scene.gained_at,
        "merged_into": scene.merged_into,
    }  # fmt: skip


def _hear(scene: Scene, me: uuid.UUID, plan: flushing.Plan, now: datetime) -> None:
    """What is written into the log by this plan, as the next group of the incident will see it."""
    for key, told in plan.log.items():
        scene.tellers.setdefault(key, {}).setdefault(me, False)
        heard = scene.heard.get(key, sharing.NOTHING)
        if told.firing:
            heard = dataclasses.replace(heard, at=now)
        if plan.reasons.get(key) in flushing.PAGING:
            heard = dataclasses.replace(
                heard, severity=scene.incident.severity, page=heard.page or "coming"
            )
        scene.heard[key] = heard


def _heard(before: sharing.Heard, log: Row, page: Row | None) -> sharing.Heard:
    paged = [rank for rank in (before.severity, log["severity"]) if rank]
    times = [at for at in (before.at, log["at"] if log["firing"] else None) if at]
    return sharing.Heard(
        severity=severity.worst(paged) if paged else None,
        at=max(times, default=None),
        page=_page(page),
    )


def _page(row: Row | None) -> Literal["arrived", "coming"] | None:
    if row is None:
        return None
    return "arrived" if row["arrived"] else "coming" if row["coming"] else None


def _in_storm(group: flushing.Group, scene: Scene) -> flushing.Group:
    """A group that was folded: of the incident of its storm, unless that is over."""
    if scene.incident.state == "resolved":
        return dataclasses.replace(group, stormed=True)
    others = [part for id, part in scene.parts.items() if id != group.id]
    return dataclasses.replace(
        group,
        incident=scene.incident,
        stormed=True,
        alone=False,
        others_go_on=any(part.active for part in others),
        joined_at=scene.parts[group.id].joined_at if group.id in scene.parts else None,
        heard=dict(scene.heard),
        # What was told by the storm is shown by the storm.
        shows=frozenset(key for key, log in group.log.items() if not log.carried),
    )


def _scene(row: Row) -> Scene:
    gained = row["gained_at"] or row["opened_at"]
    return Scene(_groups.incident(row), row["group_id"], gained, row["merged_into"])


def _rules(sheet: _groups.Sheet) -> tuple[correlation.Rule, ...]:
    return sheet.tenant.policy.correlate if sheet.tenant.policy else ()


def _firing(sheet: _groups.Sheet) -> list[Mapping[str, str]]:
    members = sheet.group.members if sheet.group else ()
    return [member.labels for member in members if member.status == "firing"]


def _facts(text: str) -> correlation.Facts:
    found = orjson.loads(text)
    return correlation.Facts(found.get("labels", {}), frozenset(found.get("services", ())))


def _text(found: correlation.Facts) -> str:
    if not found.labels and not found.services:
        return "{}"
    plain = {"labels": dict(found.labels), "services": sorted(found.services)}
    return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode()
