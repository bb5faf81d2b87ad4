"""I5: every change ended in one outcome that is true, and every dead letter says why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from tests.faults.checker import judged
from tests.faults.checker.story import Row, Story
from tests.faults.verdict import Verdict

#: Law 4 of the design. Repeats are counted, and what could not be read lies in the quarantine.
OUTCOMES = frozenset(
    {"notified", "grouped", "repeat", "stale", "silenced", "inhibited", "muted", "held", "folded",
     "no_route", "superseded", "quarantined", "failed", "dropped"}
)  # fmt: skip
#: Of these the cause is a word or an id that must be there.
CAUSED = frozenset(
    {"notified", "failed", "silenced", "muted", "inhibited", "held", "folded", "dropped",
     "superseded"}
)  # fmt: skip


def check(story: Story) -> Verdict:
    events = story.table("alert_event")
    ends = Counter(row["outcome"] or "pending" for row in events)
    wrong = [*_events(story, events), *_letters(story), *_quarantine(story)]
    of = ", ".join(f"{n} {outcome}" for outcome, n in ends.most_common())
    return judged("I5", "Nothing is silent", wrong, of=of, limit="0 unexplained")


def _events(story: Story, events: list[Row]) -> Iterator[str]:
    silences = {str(row["id"]) for row in story.table("silence")}
    told = story.by("delivery", "tenant", "notification_id")
    known = {str(row["id"]) for row in story.table("notification")}
    for row in events:
        if said := _event(row, silences, told, known):
            yield f"{story.slug(row['tenant'])}: event {row['id']} {row['fingerprint']} {said}"


def _event(
    row: Row, silences: set[str], told: dict[tuple[Any, ...], list[Row]], known: set[str]
) -> str:
    outcome, cause = row["outcome"], row["cause"]
    if outcome is None:
        return "has no outcome"
    if outcome not in OUTCOMES:
        return f"ended as {outcome!r}, which is no outcome"
    if outcome in CAUSED and not cause:
        return f"is {outcome}, and does not say by what"
    if not row["explained_at"]:
        return f"is {outcome}, and does not say since when"
    if outcome in ("silenced", "muted") and not any(id in cause for id in silences):
        return f"is {outcome} by {cause}, which is not there"
    if outcome in ("notified", "failed") and cause in known:
        states = {each["state"] for each in told.get((row["tenant"], cause), [])}
        if outcome == "notified" and "sent" not in states:
            return f"is notified by {cause}, of which nothing was sent"
        if outcome == "failed" and "dead" not in states | {"dropped"} & states:
            return f"failed with {cause}, of which nothing is dead"
    elif outcome == "notified":
        return f"is notified by {cause}, which is no notification"
    return ""


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
