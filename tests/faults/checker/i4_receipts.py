"""I4: what is called sent did arrive, once where the provider can tell, and nothing else did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from urllib import parse

from tests.faults.checker import judged
from tests.faults.checker.story import Row, Story
from tests.faults.verdict import Verdict

#: Providers that know a repeat by its key and show it once.
TELL = frozenset({"webhook"})
#: A message that changes one that is there, and so may be sent twice without anybody seeing it.
HARMLESS = ("chat.update", "conversations.", "auth.", "views.")
#: After these the provider has acted and the sender cannot know.
LOST_REPLY = frozenset({"cut_after", "hang_after", "huge", "drip", "short", "bad_json"})
MARK = "may be a repeat"
#: A send that was cut off may have begun so long before the fault that cut it. Seconds.
REACH = 30.0


def check(story: Story) -> Verdict:
    doubles = list(_doubles(story))
    wrong = [*_unsent(story), *_phantoms(story), *_twice(story), *_astray(story)]
    wrong += [said for said, _ in doubles if said]
    crashes = int(story.run.get("crashes", 0))
    lost = sum(entry["fault"] in LOST_REPLY for entry in story.ledger if entry["effect"])
    if len(doubles) > crashes + lost:
        wrong.append(f"{len(doubles)} doubles, with {crashes} crashes and {lost} lost replies")
    sent = sum(row["state"] == "sent" for row in story.table("delivery"))
    of = f"{sent} sent, {len(doubles)} marked doubles, {crashes} crashes"
    return judged("I4", "What is sent arrived, once", wrong, of=of, limit="0; doubles <= crashes")


def _effects(story: Story, key: str) -> list[Row]:
    return [entry for entry in story.by_key.get(key, ()) if entry["effect"]]


def _unsent(story: Story) -> Iterator[str]:
    for row in [*story.table("delivery"), *story.table("report_letter")]:
        if row["state"] == "sent" and not _effects(story, row["id"]):
            name = f"{row['channel']} {row.get('destination') or row.get('address')}"
            yield f"{story.slug(row['tenant'])}: {row['id']} is sent by {name}, and never arrived"


def _phantoms(story: Story) -> Iterator[str]:
    known = {row["id"] for row in [*story.table("delivery"), *story.table("report_letter")]}
    for key in story.by_key:
        entry = story.by_key[key][0]
        # What came while the record was being written down may stand in no table.
        if key not in known and entry["t"] <= story.ended:
            yield f"{entry['provider']} {entry['dest']} got {key}, which nobody knows"
    for entry in story.ledger:
        if entry["effect"] and not entry["key"] and entry["provider"] == "webhook":
            yield f"{entry['provider']} {entry['dest']} got a message without a key"


def _astray(story: Story) -> Iterator[str]:
    """What arrived elsewhere than at the person, or the address, that it was meant for."""
    for row in story.table("delivery"):
        tenant = story.tenants.get(row["tenant"])
        ways = tenant.policy.get("people", {}).get(row["person"], {}) if tenant else {}
        for entry in story.by_key.get(row["id"], ()):
            meant = {"webhook": ways.get("webhook"), "twilio": ways.get("phone")}
            wanted = meant.get(entry["provider"])
            there = wanted in (None, entry["dest"])
            if entry["provider"] == "webhook" and not row["person"]:
                there = entry["dest"] in row["destination"]
            if not there:
                who = row["person"] or row["destination"]
                yield f"{story.slug(row['tenant'])}: {row['id']} for {who} went to {entry['dest']}"


def _twice(story: Story) -> Iterator[str]:
    """Two keys for one decision to tell one person one thing: the provider cannot see that."""
    arrived = [row for row in story.table("delivery") if _effects(story, row["id"])]
    ways = Counter(
        (row["tenant"], row["notification_id"], row["integration"], row["person"])
        for row in arrived
    )
    for (tenant, notification, integration, _), times in ways.items():
        if times > 1:
            told = f"notification {notification} reached {integration} under {times} keys"
            yield f"{story.slug(tenant)}: {told}"


def _doubles(story: Story) -> Iterator[tuple[str, Row]]:
    """Each double that a person could see, with what is wrong with it, if anything is."""
    for key, entries in story.by_key.items():
        shown = [entry for entry in entries if entry["effect"] and not _harmless(entry)]
        if not shown or shown[0]["provider"] in TELL:
            continue
        for before, after in pairwise(shown):
            yield _wrong(story, key, before, after), after


def _harmless(entry: Row) -> bool:
    return any(word in entry["path"] for word in HARMLESS)


def _wrong(story: Story, key: str, before: Row, after: Row) -> str:
    name = f"{after['provider']} {after['dest']} showed {key} again after"
    name += f" {after['t'] - before['t']:.1f} s"
    if MARK not in text(after).lower():
        return f"{name} and did not say that it may be a repeat"
    lost = before["fault"] in LOST_REPLY
    if not lost and not story.troubled(before["t"] - REACH, after["t"]):
        return f"{name}, and nothing had been in its way"
    return ""


def text(entry: Row) -> str:
    """All words of a request, whatever its form."""
    body = entry["body"]
    if isinstance(body, str):
        return parse.unquote_plus(body)
    return json.dumps(body, ensure_ascii=False)
