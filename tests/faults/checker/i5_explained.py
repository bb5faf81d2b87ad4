"""I5: every change ended in one outcome that is true, and every dead letter says why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator

from tests.faults.checker import judged
from tests.faults.checker.story import Row, Story
from tests.faults.verdict import Verdict

#: Law 4 of the design. Repeats are counted, and what could not be read lies in the quarantine.
OUTCOMES = frozenset(
    {"notified", "grouped", "repeat", "stale", "silenced", "inhibited", "muted", "held", "folded",
     "no_route", "superseded", "quarantined", "failed", "dropped"}
)  # fmt: skip
#: What points at what: a row that points at nothing is a story without its end.
POINTS = (
    ("incident_group", "incident_id", "incident"), ("escalation", "incident_id", "incident"),
    ("notification", "incident_id", "incident"), ("delivery", "notification_id", "notification"),
    ("delivery_attempt", "delivery_id", "delivery"), ("timeline", "incident_id", "incident"),
)  # fmt: skip
#: Of these the cause is a word or an id that must be there.
CAUSED = frozenset(
    {"notified", "failed", "silenced", "muted", "inhibited", "held", "folded", "dropped",
     "superseded"}
)  # fmt: skip


def check(story: Story) -> Verdict:
    events = story.table("alert_event")
    ends = Counter(row["outcome"] or "pending" for row in events)
    wrong = [*_events(story, events), *_letters(story), *_quarantine(story), *_loose(story)]
    of = ", ".join(f"{n} {outcome}" for outcome, n in ends.most_common())
    return judged("I5", "Nothing is silent", wrong, of=of, limit="0 unexplained")


def _events(story: Story, events: list[Row]) -> Iterator[str]:
    silences = {str(row["id"]) for row in story.table("silence")}
    for row in events:
        for said in (*_form(row), *_truth(story, row, silences)):
            yield f"{story.slug(row['tenant'])}: event {row['id']} {row['fingerprint']} {said}"


def _form(row: Row) -> Iterator[str]:
    """Whether there is an outcome of the list, with what it needs to be one."""
    outcome = row["outcome"]
    if outcome is None:
        yield "has no outcome"
    elif outcome not in OUTCOMES:
        yield f"ended as {outcome!r}, which is no outcome"
    elif outcome in CAUSED and not row["cause"]:
        yield f"is {outcome}, and does not say by what"
    elif not row["explained_at"]:
        yield f"is {outcome}, and does not say since when"


def _truth(story: Story, row: Row, silences: set[str]) -> Iterator[str]:
    """Whether what the outcome points to is there, and says the same."""
    outcome, cause = row["outcome"], row["cause"] or ""
    if outcome in ("silenced", "muted") and not any(id in cause for id in silences):
        yield f"is {outcome} by {cause}, which is not there"
    if outcome not in ("notified", "failed"):
        return
    told = story.by("delivery", "tenant", "notification_id").get((row["tenant"], cause), [])
    states = {each["state"] for each in told}
    if outcome == "notified" and "sent" not in states:
        yield f"is notified by {cause}, of which nothing was sent"
    if outcome == "failed" and told and not states & {"dead", "dropped"}:
        yield f"failed with {cause}, of which nothing is dead"


def _letters(story: Story) -> Iterator[str]:
    ended = {(row["tenant"], row["delivery_id"]) for row in story.table("delivery_attempt")
             if row["outcome"] == "dead" and row["error"]}  # fmt: skip
    counts: Counter[str] = Counter()
    for row in story.table("delivery"):
        if row["state"] != "dead":
            continue
        counts[row["channel"]] += 1
        name = f"{story.slug(row['tenant'])}: dead letter {row['id']}"
        if not row["cause"]:
            yield f"{name} does not say why"
        if (row["tenant"], row["id"]) not in ended:
            yield f"{name} has no attempt that ended it"
    shown = _shown(story)
    for channel, dead in counts.items():
        if shown.get(channel, 0) != dead:
            yield f"{dead} dead letters of {channel}, and the metrics show {shown.get(channel, 0)}"


def _shown(story: Story) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in story.text("metrics.txt").splitlines():
        if line.startswith("tocsin_deadletter_size{"):
            labels, _, value = line.rpartition(" ")
            found[labels.partition('integration="')[2].partition('"')[0]] = int(float(value))
    return found


def _quarantine(story: Story) -> Iterator[str]:
    alarmed = {row["tenant"] for row in story.table("alert")
               if json.loads(row["labels"]).get("alertname") == "TocsinQuarantined"}  # fmt: skip
    for row in story.table("quarantine"):
        name = f"{story.slug(row['tenant'])}: {row['id']} in quarantine"
        if not row["reason"]:
            yield f"{name} does not say why"
        if row["field"] == "drain" and row["tenant"] not in alarmed:
            yield f"{name} killed its worker, and nobody was told"


def _loose(story: Story) -> Iterator[str]:
    for table, column, other in POINTS:
        there = {(row["tenant"], row["id"]) for row in story.table(other)}
        for row in story.table(table):
            if row[column] is not None and (row["tenant"], row[column]) not in there:
                yield f"{story.slug(row['tenant'])}: {table} of a {other} that is not there"
