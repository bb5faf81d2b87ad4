"""I6: an act stops the pages: nothing that pages begins more than a second after an acknowledgement
or after the end."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from tests.faults.checker import judged
from tests.faults.checker.story import PAGING, Row, Story, moment
from tests.faults.verdict import Verdict

#: What had begun when somebody acted may still end; nothing begins later than this. Seconds.
GRACE = 1.0
#: From these on somebody has it, or it is over; from those nobody has.
TAKEN = frozenset({"acknowledged", "handed_over", "snoozed", "resolved"})
GIVEN = frozenset({"unacknowledged", "reopened_by", "reopened", "woke", "lapsed", "unreachable"})
#: Reasons that tell nothing new: they only ask again for somebody who acts.
NAGS = frozenset({"first", "repeat", "escalated"})


def check(story: Story) -> Verdict:
    held = _held(story)
    stopped = sum(len(some) for some in held.values())
    wrong = [*_pages(story, held), *_steps(story, held), *_lost(story, held)]
    of = f"{stopped} acknowledgements and ends"
    return judged("I6", "An acknowledgement stops the pages", wrong, of=of)


#: Since when and until when, by the clock of their transactions, and when it surely was committed.
Span = tuple[float, float, float]
Spans = dict[tuple[int, str], list[Span]]


def _held(story: Story) -> Spans:
    """When somebody had which incident, or it was over."""
    found: Spans = defaultdict(list)
    for key, rows in story.by("timeline", "tenant", "incident_id").items():
        since: float | None = None
        sure = 0.0
        for row in sorted(rows, key=lambda row: (moment(row["at"]) or 0.0, row["id"])):
            at = moment(row["at"]) or 0.0
            if row["kind"] in TAKEN and since is None:
                since, sure = at, _committed(story, key[0], key[1], at)
            elif row["kind"] in GIVEN and since is not None:
                found[key[0], key[1]].append((since, at, sure))
                since = None
        if since is not None:
            found[key[0], key[1]].append((since, float("inf"), sure))
    return found


def _committed(story: Story, tenant: int, incident: str, at: float) -> float:
    """When an act was surely there for others: a transaction bears the time of its beginning.

    Then its client was answered, or what it had planned was begun. If neither is known, never.
    """
    found = [
        act.ended for act in story.of_kind("act")
        if act.tenant == tenant and act.ended is not None and act.began - 0.1 <= at <= act.ended
        and act.given.get("incident") in (incident, "", None)
    ]  # fmt: skip
    attempts = story.by("delivery_attempt", "tenant", "delivery_id")
    for row in story.by("delivery", "tenant", "incident_id").get((tenant, incident), ()):
        if moment(row["created_at"]) == at:
            tries = attempts.get((tenant, row["id"]), ())
            found += [moment(each["started_at"]) or 0.0 for each in tries]
    return min(found, default=float("inf"))


def _pages(story: Story, held: Spans) -> Iterator[str]:
    reasons = {(row["tenant"], row["id"]): row["reason"] for row in story.table("notification")}
    attempts = story.by("delivery_attempt", "tenant", "delivery_id")
    for row in story.table("delivery"):
        reason = reasons.get((row["tenant"], row["notification_id"]))
        created = moment(row["created_at"]) or 0.0
        for since, until, sure in held.get((row["tenant"], row["incident_id"]), ()):
            # What was decided before, and what was decided since and tells nothing new.
            planned = created <= since and reason in PAGING
            nag = since < created < until and reason in NAGS
            if not planned and not nag:
                continue
            for entry in story.by_key.get(row["id"], ()):
                if sure + GRACE < entry["t"] < until:
                    tries = attempts.get((row["tenant"], row["id"]), [])
                    if not _had_begun(story, entry["t"], sure, tries):
                        late = f"{entry['t'] - sure:.1f} s after the act"
                        yield f"{entry['provider']} {entry['dest']} got {row['id']} {late}"


def _had_begun(story: Story, arrived: float, since: float, tries: list[Row]) -> bool:
    """Whether the request belongs to an attempt that was claimed before somebody acted."""
    spans = [(moment(row["started_at"]) or 0, moment(row["finished_at"]) or 0) for row in tries]
    covering = [start for start, end in spans if start - 0.1 <= arrived <= end + 0.1]
    if covering:
        return min(covering) <= since + GRACE
    # Its process died before it wrote the attempt down: then a fault was on.
    return story.troubled(since - 30, arrived)


def _steps(story: Story, held: Spans) -> Iterator[str]:
    first = {(row["tenant"], row["incident_id"], row["name"], row["generation"], row["run"]):
             row for row in reversed(story.table("escalation_step"))}  # fmt: skip
    for row in story.table("escalation_step"):
        done = moment(row["done_at"]) or 0.0
        key = (row["tenant"], row["incident_id"], row["name"], row["generation"], row["run"])
        began = any(
            (moment(each["done_at"]) or 0) <= since
            for since, _, _ in held.get(key[:2], ()) for each in (first[key],)
        )  # fmt: skip
        for _, until, sure in held.get(key[:2], ()):
            if sure + GRACE < done < until and began:
                place = f"step {row['round']}/{row['step']} of incident {row['incident_id']}"
                yield f"{place} {done - sure:.1f} s after the act"


def _lost(story: Story, held: Spans) -> Iterator[str]:
    """An act that was answered with a 2xx and left no trace."""
    merged = {row["id"] for row in story.table("incident") if row["merged_into"]}
    acted = {(row["tenant"], row["incident_id"]) for row in story.table("timeline")
             if row["kind"] in TAKEN | GIVEN}  # fmt: skip
    for act in story.of_kind("act"):
        key = (act.tenant, str(act.given.get("incident")))
        # A reply by text names no incident.
        named = key[1] not in ("", "None")
        if act.outcome == "accepted" and named and key[1] not in merged and key not in acted:
            name = f"{act.given.get('act')} of {key[1]} by {act.given.get('via')}"
            yield f"{story.slug(act.tenant)}: {name} was accepted and is not in its story"
