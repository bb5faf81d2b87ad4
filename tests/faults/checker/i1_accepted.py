"""I1: what was answered with a 2xx is in the record, by tenant, fingerprint, start and status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tests.faults.checker import judged, model
from tests.faults.checker.story import Row, Story, moment
from tests.faults.verdict import Verdict

#: The record keeps microseconds, senders write milliseconds.
TICK = 0.002


def check(story: Story) -> Verdict:
    owed = model.arrivals(story.of_kind("post"))
    stored = {(row["tenant"], row["fingerprint"]): row for row in story.table("alert")}
    wrong = list(_missing(story, owed, stored))
    for key, come in owed.items():
        if (row := stored.get(key)) and row["count"] >= come.sure:
            wrong += [
                f"{story.slug(key[0])} {key[1]}: {said}" for said in _differs(story, come, row)
            ]
    sure = sum(come.sure for come in owed.values())
    doubt = sum(come.most - come.sure for come in owed.values())
    of = f"{sure} accepted, {doubt} in doubt"
    return judged("I1", "Accepted alerts are in the record", wrong, of=of, limit="0 of them lost")


def _missing(
    story: Story, owed: dict[tuple[int, str], model.Arrivals], stored: dict[tuple[int, str], Row]
) -> Iterator[str]:
    lost: Counter[int] = Counter()
    first: dict[int, str] = {}
    for key, come in owed.items():
        short = come.sure - (stored[key]["count"] if key in stored else 0)
        if short > 0:
            lost[key[0]] += short
            first.setdefault(key[0], f"{key[1]} {dict(come.posted[0].labels)}")
    for row in story.table("quarantine"):
        # What killed its worker again and again was put aside, whole batches at a time.
        if row["field"] == "drain":
            lost[row["tenant"]] -= row["alerts"]
    for row in story.table("inbox"):
        # It is in the record; that nobody has done it yet is another matter.
        lost[row["tenant"]] -= row["alerts"] if row["stage"] == "dedup" else 0
    for tenant, short in lost.items():
        if short > 0:
            yield f"{story.slug(tenant)}: {short} lost, one of them {first.get(tenant)}"


def _differs(story: Story, come: model.Arrivals, row: Row) -> Iterator[str]:
    over, start = come.over(story.ended), come.lone()
    if over is True and row["status"] != "resolved":
        yield "somebody said that it is over, and it still fires"
    if over is False and row["status"] != "firing" and row["expires_at"] is None:
        yield "it is over and nobody said so"
    kept = moment(row["starts_at"])
    if start is not None and kept is not None and abs(kept - start) > TICK:
        yield f"it began at {start}, and the record says {kept}"
