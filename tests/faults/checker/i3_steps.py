"""I3: each step of an escalation happens once, not early, not late, and none is missing."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.faults.checker import figures, model, timers
from tests.faults.checker.story import Row, Story, moment
from tests.faults.verdict import Verdict

#: So long after the last fault a step is late. Seconds.
GRACE = 15.0
#: What happened in the same millisecond is not early.
TICK = 0.002
#: What stops an escalation, or moves it elsewhere.
ENDS = frozenset(
    {"acknowledged", "handed_over", "snoozed", "resolved", "merged", "split", "escalation_held"}
)
#: A stretch without faults begins so long after one. Seconds.
CALM = 10.0


@dataclass
class Found:
    """What was seen: sentences of what is wrong, and how late steps of calm stretches were."""

    wrong: list[str] = field(default_factory=list)
    calm: list[float] = field(default_factory=list)
    steps: int = 0


def check(story: Story) -> Verdict:
    found = Found()
    _doubles(story, found)
    for run in _runs(story):
        _walk(story, run, found)
    found.wrong += [*_without(story), *timers.of_incidents(story)]
    late = figures.percentile(found.calm, 99)
    figure = f"{len(found.wrong)} wrong ({found.steps} steps; calm p99 {late:.2f} s late)"
    limit = f"0; <= {GRACE:.0f} s after the last fault"
    promise = "Each escalation step once, in time"
    return Verdict("I3", promise, figure, limit, not found.wrong, found.wrong[:20])


@dataclass(frozen=True)
class Run:
    """One run of an escalation through an incident: its steps in the order of the chain."""

    tenant: int
    incident: str
    name: str
    generation: int
    run: int
    rows: list[Row]

    def __str__(self) -> str:
        return f"incident {self.incident} {self.name} generation {self.generation} run {self.run}"


def _runs(story: Story) -> Iterator[Run]:
    columns = ("tenant", "incident_id", "name", "generation", "run")
    for key, rows in story.by("escalation_step", *columns).items():
        tenant, incident, name, generation, run = key
        ordered = sorted(rows, key=lambda row: (row["round"], row["step"]))
        yield Run(tenant, incident, name, generation, run, ordered)


def _doubles(story: Story, found: Found) -> None:
    columns = ("tenant", "incident_id", "name", "generation", "run", "round", "step")
    rows = story.table("escalation_step")
    found.steps = len(rows)
    for key, times in Counter(tuple(row[c] for c in columns) for row in rows).items():
        if times > 1:
            found.wrong.append(f"incident {key[1]}: step {key[5:]} happened {times} times")
    paged = Counter(row["notification_id"] for row in rows if row["notification_id"])
    found.wrong += [f"notification {id} is of {n} steps" for id, n in paged.items() if n > 1]


def _walk(story: Story, run: Run, found: Found) -> None:
    policy = story.tenants[run.tenant].policy if run.tenant in story.tenants else {}
    if run.name not in policy.get("escalations", {}):
        return
    chain = model.chain(policy["escalations"][run.name])
    before: float | None = None
    for due, row in zip(chain, run.rows, strict=False):
        if (due.round, due.step) != (row["round"], row["step"]):
            found.wrong.append(f"{run}: step {due.round}/{due.step} was left out")
            return
        done = moment(row["done_at"]) or 0.0
        wanted = before + due.after if before is not None else moment(row["due_at"]) or 0.0
        _timely(story, run, row, wanted, found)
        found.wrong += _people(story, run, policy["escalations"][run.name], row)
        before = done
    found.wrong += [f"{run}: a step that the chain does not have"] * (len(run.rows) > len(chain))
    if before is not None and len(run.rows) < len(chain):
        _next(story, run, before + chain[len(run.rows)].after, found)


def _people(story: Story, run: Run, escalation: Row, row: Row) -> Iterator[str]:
    """Whoever the step names is told by it, and if that is nobody it does not say so."""
    named = set(escalation["steps"][row["step"]].get("notify", ()))
    key = (run.tenant, row["notification_id"])
    told = {
        each["person"] for each in story.by("delivery", "tenant", "notification_id").get(key, ())
    }
    if row["outcome"] != "told" or not named <= told:
        names = ", ".join(sorted(named - told)) or "anybody"
        yield f"{run}: step {row['round']}/{row['step']} ({row['outcome']}) did not tell {names}"


def _timely(story: Story, run: Run, row: Row, wanted: float, found: Found) -> None:
    done = moment(row["done_at"]) or 0.0
    place = f"step {row['round']}/{row['step']}"
    if _hurried(story, run, done):
        wanted = min(wanted, done)
    if done < max(wanted, moment(row["due_at"]) or 0.0) - TICK:
        found.wrong.append(f"{run}: {place} {wanted - done:.2f} s early")
    if _held(story, run, wanted, done):
        return
    if done > model.excused(wanted, story.outages, GRACE):
        found.wrong.append(f"{run}: {place} {done - wanted:.1f} s late")
    if not story.troubled(wanted - CALM, done):
        found.calm.append(done - wanted)


def _held(story: Story, run: Run, since: float, until: float) -> bool:
    """Whether nothing fired that was not silenced, so that the step had to wait."""
    held = _told(story, run, frozenset({"escalation_held"}))
    return any(at <= until for at in held) and since <= until


def _hurried(story: Story, run: Run, done: float) -> bool:
    """Whether the step before reached nobody and never will, so that this one came at once."""
    at_once = _told(story, run, frozenset({"failover_hurried"}))
    return any(at - TICK <= done <= at + GRACE for at in at_once)


def _told(story: Story, run: Run, kinds: frozenset[str]) -> list[float]:
    rows = story.by("timeline", "tenant", "incident_id").get((run.tenant, run.incident), [])
    return [moment(row["at"]) or 0.0 for row in rows if row["kind"] in kinds]


def _next(story: Story, run: Run, due: float, found: Found) -> None:
    """The step after the last one: either something stopped it, or it is not due yet."""
    latest = model.excused(due, story.outages, GRACE)
    if latest >= story.ended or _later(story, run):
        return
    last = moment(run.rows[-1]["done_at"]) or 0.0
    stopped = [at for at in _told(story, run, ENDS) if last <= at <= latest]
    if not stopped:
        found.wrong.append(f"{run}: the step after {run.rows[-1]['step']} never happened")


def _later(story: Story, run: Run) -> bool:
    """Whether it began anew since, from the top."""
    rows = story.by("escalation_step", "tenant", "incident_id", "name")
    key = (run.tenant, run.incident, run.name)
    mine = (run.generation, run.run)
    return any((row["generation"], row["run"]) > mine for row in rows[key])


def _without(story: Story) -> Iterator[str]:
    """Alerts that fire to the end and have no incident, and incidents that nobody escalates."""
    groups = _groups(story)
    open_ones = {
        (row["tenant"], row["group_id"]) for row in story.table("incident_group")
        if row["left_at"] is None
    }  # fmt: skip
    for wanted in sorted(_fires(story), key=repr):
        ids = groups.get(wanted, [])
        if not any((wanted[0], id) in open_ones for id in ids):
            yield f"{story.slug(wanted[0])}: no incident of {wanted[1]} {dict(wanted[2])}"
    begun = {(row["tenant"], row["incident_id"]) for row in story.table("escalation")}
    chains = {(row["tenant"], row["id"]): row["receiver"] for row in story.table("alert_group")}
    for row in story.table("incident"):
        tenant = story.tenants.get(row["tenant"])
        name = chains.get((row["tenant"], row["group_id"]), "")
        named = tenant and tenant.policy.get("receivers", {}).get(name, {}).get("escalation")
        settled = story.ended - (moment(row["opened_at"]) or 0.0) > GRACE
        escalates = (row["tenant"], row["id"]) in begun or row["merged_into"]
        if named and settled and not escalates:
            yield f"{story.slug(row['tenant'])}: incident {row['id']} never began {named}"


Group = tuple[int, str, frozenset[tuple[str, str]]]


def _groups(story: Story) -> dict[Group, list[Any]]:
    found: dict[Group, list[Any]] = {}
    for row in story.table("alert_group"):
        key = (row["tenant"], row["receiver"], frozenset(json.loads(row["labels"]).items()))
        found.setdefault(key, []).append(row["id"])
    return found


def _fires(story: Story) -> set[Group]:
    """The groups in which something must still fire, and long enough for all to have settled."""
    silenced = {(row["tenant"], row["fingerprint"]) for row in story.table("group_member")
                if row["muted_by"]}  # fmt: skip
    aside = {row["tenant"] for row in story.table("quarantine") if row["field"] == "drain"}
    found: set[Group] = set()
    for key, come in model.arrivals(story.of_kind("post")).items():
        tenant = story.tenants.get(key[0])
        recent = max(each.ended or story.ended for each in come.posted)
        waits = float(tenant.policy.get("group_wait", 0)) if tenant else 0.0
        due = model.excused(recent + waits, story.outages, GRACE)
        if not tenant or due > story.ended or key in silenced or key[0] in aside:
            continue
        if come.over(story.ended) is False and come.sure:
            found.add((key[0], *model.group(tenant.policy, come.posted[0].labels)))
    return {each for each in found if each[1]}
