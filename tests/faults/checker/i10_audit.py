"""I10: the audit chain is whole, and each act of a person is in it, with the act itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from tests.faults.checker import judged
from tests.faults.checker.story import Row, Story, moment
from tests.faults.verdict import Verdict

#: What people do to incidents, as their stories call it.
ACTS = frozenset({"acknowledged", "unacknowledged", "handed_over", "snoozed", "reopened_by"})


def check(story: Story) -> Verdict:
    chains = story.by("audit", "tenant")
    wrong = [said for (tenant,), rows in chains.items() for said in _chain(story, tenant, rows)]
    wrong += _acts(story)
    of = f"{len(story.table('audit'))} rows"
    return judged("I10", "The audit chain verifies", wrong, of=of)


def link(prev: bytes, row: Row) -> bytes:
    """The hash of a row: SHA-256 over the one before and the canonical JSON of the row."""
    body = [row["tenant"], row["seq"], moment(row["at"]), row["actor"], row["act"],
            row["subject"], row["detail"]]  # fmt: skip
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(prev + text.encode()).digest()


def _chain(story: Story, tenant: int, rows: list[Row]) -> Iterator[str]:
    prev = b""
    for number, row in enumerate(sorted(rows, key=lambda row: row["seq"]), start=1):
        mine = bytes.fromhex(row["hash"])
        before = bytes.fromhex(row["prev"])
        if row["seq"] != number or before != prev or mine != link(prev, row):
            yield f"{story.slug(tenant)}: the chain breaks at row {number} ({row['act']})"
            return
        prev = mine


def _acts(story: Story) -> Iterator[str]:
    """An act and its row are one commit, so they bear one time."""
    proved = {(row["tenant"], moment(row["at"])) for row in story.table("audit")
              if row["act"].startswith("incident.")}  # fmt: skip
    for row in story.table("timeline"):
        by_person = row["kind"] in ACTS and row["actor"] != "tocsin"
        if by_person and (row["tenant"], moment(row["at"])) not in proved:
            what = f"{row['kind']} of {row['incident_id']} by {row['actor']}"
            yield f"{story.slug(row['tenant'])}: {what} is not in the audit with it"
