"""I9: whoever saw that something fires sees that it is over, or it is said why not."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.checker import judged
from tests.faults.checker.story import PAGING, Row, Story, moment
from tests.faults.verdict import Verdict

#: What ended so shortly before the dump may still be on its way. Seconds.
RECENT = 5.0


def check(story: Story) -> Verdict:
    lines = story.by("delivery", "tenant", "incident_id", "integration", "destination")
    over = {
        (row["tenant"], row["id"]): moment(row["resolved_at"]) or 0.0
        for row in story.table("incident")
        # One that a person ended, or that went on as another, ends in other words.
        if row["state"] == "resolved" and not row["resolved_by"] and not row["merged_into"]
    }
    ended = {key: at for key, at in over.items() if at < story.ended - RECENT}
    wrong = [
        f"{story.slug(key[0])}: {key[2]} {key[3]} {said} of incident {key[1]}"
        for key, rows in lines.items()
        if (key[0], key[1]) in ended
        for said in _untold(story, rows, ended[key[0], key[1]])
    ]
    of = f"{len(ended)} incidents that are over"
    return judged("I9", "Who saw it fire sees the end", wrong, of=of)


def _untold(story: Story, rows: list[Row], over: float) -> Iterator[str]:
    reasons = {row["id"]: row["reason"] for row in story.table("notification")}
    ordered = sorted(rows, key=lambda row: moment(row["created_at"]) or 0.0)
    shown = [n for n, row in enumerate(ordered) if reasons.get(row["notification_id"]) in PAGING
             and any(entry["effect"] for entry in story.by_key.get(row["id"], ()))]  # fmt: skip
    if not shown:
        return
    after = [row for row in ordered[shown[-1] + 1 :]
             if reasons.get(row["notification_id"]) == "resolved"]  # fmt: skip
    if not after:
        yield "saw it fire and never heard of the end"
    elif not any(row["state"] == "sent" or row["cause"] for row in after):
        yield f"has the end in state {after[-1]['state']}, and nobody says why"
