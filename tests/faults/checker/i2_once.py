"""I2: nothing twice, nothing invented, and a late firing opens nothing again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from tests.faults.checker import judged, model
from tests.faults.checker.story import Story, moment
from tests.faults.verdict import Verdict

#: Alerts of the installation itself carry this; nobody posts them.
OWN = ("job", "tocsin")


def check(story: Story) -> Verdict:
    owed = model.arrivals(story.of_kind("post"))
    wrong = [*_invented(story, owed), *_again(story, owed), *_incidents(story)]
    of = f"{len(story.table('alert'))} alerts, {len(story.table('incident'))} incidents"
    return judged("I2", "No doubles, no inventions, nothing opens again late", wrong, of=of)


def _invented(story: Story, owed: dict[tuple[int, str], model.Arrivals]) -> Iterator[str]:
    for row in story.table("alert"):
        key = (row["tenant"], row["fingerprint"])
        own = json.loads(row["labels"]).get(OWN[0]) == OWN[1]
        most = owed[key].most if key in owed else 0
        if row["count"] > most and not own:
            yield f"{story.slug(key[0])} {key[1]}: stored {row['count']} times, posted {most} times"


def _again(story: Story, owed: dict[tuple[int, str], model.Arrivals]) -> Iterator[str]:
    """Of one interval there is one beginning and one end, in whatever order it was told."""
    told: dict[tuple[int, str], Counter[str]] = {}
    for row in story.table("alert_event"):
        kinds = told.setdefault((row["tenant"], row["fingerprint"]), Counter())
        kind = row["kind"] if row["posted"] or row["kind"] != "resolved" else "expired"
        kinds["begin" if kind in ("new", "refired") else kind] += 1
    for key, kinds in told.items():
        come = owed.get(key)
        if come is None or come.lone() is None or kinds["expired"] or come.faded(story.ended):
            continue
        for kind in ("begin", "resolved"):
            if kinds[kind] > 1:
                yield f"{story.slug(key[0])} {key[1]}: {kinds[kind]} times {kind} of one interval"


def _incidents(story: Story) -> Iterator[str]:
    current = [row for row in story.table("incident_group") if row["left_at"] is None]
    for key, times in Counter((row["tenant"], row["group_id"]) for row in current).items():
        if times > 1:
            yield f"{story.slug(key[0])}: group {key[1]} is in {times} incidents"
    for (tenant, group), rows in story.by("incident", "tenant", "group_id").items():
        apart = [row for row in rows if not row["merged_into"]]
        apart.sort(key=lambda row: moment(row["opened_at"]) or 0)
        for before, after in pairwise(apart):
            over = moment(before["resolved_at"])
            if over is None or over > (moment(after["opened_at"]) or 0):
                yield f"{story.slug(tenant)}: two incidents at once of group {group}"
