"""What keeps an open incident from being forgotten: a timer, or a reason why there is none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.checker.story import Row, Story


def of_incidents(story: Story) -> Iterator[str]:
    """Open incidents that nothing will ever look at again, or that two timers would."""
    armed = Counter((row["tenant"], row["kind"], row["subject"]) for row in story.table("timer"))
    groups: dict[tuple[int, str], list[str]] = {}
    for row in story.table("incident_group"):
        if row["left_at"] is None:
            groups.setdefault((row["tenant"], row["incident_id"]), []).append(row["group_id"])
    chains = story.by("escalation", "tenant", "incident_id")
    for row in story.table("incident"):
        key = (row["tenant"], row["id"])
        mine = chains.get(key, [])
        for chain in mine:
            yield from _chain(story, chain, armed)
        if row["state"] == "open" and not mine:
            watched = sum(armed[key[0], "flush", group] for group in groups.get(key, []))
            if not watched:
                yield f"{story.slug(key[0])}: incident {key[1]} is open and has no timer"


def _chain(story: Story, chain: Row, armed: Counter[tuple[int, str, str]]) -> Iterator[str]:
    subject = f"{chain['incident_id']}/{chain['name']}"
    timers = armed[chain["tenant"], "escalation", subject]
    wanted = int(chain["state"] == "running")
    if timers != wanted:
        state = f"escalation {subject} is {chain['state']} and has {timers} timers"
        yield f"{story.slug(chain['tenant'])}: {state}"
    if not wanted and not chain["ended_at"]:
        yield f"{story.slug(chain['tenant'])}: escalation {subject} ended without a moment"
