"""I13: when all is over nothing is left: no lease, nothing due, no note, no process."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.checker import judged
from tests.faults.checker.story import Row, Story, moment
from tests.faults.verdict import Verdict

#: What fell due so shortly before the dump may be in somebody's hands. Seconds.
RECENT = 15.0


def check(story: Story) -> Verdict:
    wrong = [*_leases(story), *_due(story), *_waiting(story)]
    wrong += [f"process {each} did not end" for each in story.run.get("left_over") or ()]
    if story.run.get("settled") is False:
        wrong.append("it did not become quiet")
    return judged("I13", "At rest nothing is left", wrong)


def _leases(story: Story) -> Iterator[str]:
    for row in story.table("delivery"):
        if row["state"] == "sending" and not _ahead(story, row):
            due = f"{row['channel']} {row['destination']}"
            yield f"{story.slug(row['tenant'])}: delivery {row['id']} to {due} is leased"


def _ahead(story: Story, row: Row) -> bool:
    """Whether it waits, in its place in the line, for its next try."""
    return bool(row["in_doubt"]) and (moment(row["due_at"]) or 0.0) > story.ended - RECENT


def _due(story: Story) -> Iterator[str]:
    latest = story.ended - RECENT
    for row in story.table("timer"):
        if (moment(row["due_at"]) or 0.0) < latest:
            late = f"timer {row['kind']} {row['subject']} was due at {row['due_at']}"
            yield f"{story.slug(row['tenant'])}: {late}"
    for row in story.table("delivery"):
        if row["state"] == "pending" and (moment(row["due_at"]) or 0.0) < latest:
            yield f"{story.slug(row['tenant'])}: delivery {row['id']} was due at {row['due_at']}"
    for row in story.table("lookup"):
        due = moment(row["due_at"])
        if due is not None and due < latest:
            yield f"{story.slug(row['tenant'])}: lookup {row['key']} was due at {row['due_at']}"


def _waiting(story: Story) -> Iterator[str]:
    for row in story.table("inbox"):
        yield f"{story.slug(row['tenant'])}: {row['alerts']} alerts wait for {row['stage']}"
    for row in story.table("drain_note"):
        if row["ids"]:
            yield f"worker {row['worker']} holds a note of {len(row['ids'])} rows"
