"""I7: nothing of one tenant stands in anything of another, and nothing of any in the logs."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.faults.checker import judged
from tests.faults.checker.story import Story
from tests.faults.history import DUMP, METRICS
from tests.faults.verdict import Verdict


def check(story: Story) -> Verdict:
    looked = [0]
    wrong = [*_rows(story, looked), *_ledger(story), *_said(story)]
    of = f"{looked[0]} rows and {len(story.ledger)} requests to providers"
    return judged("I7", "Tenants are apart", wrong, of=of, limit="0 canaries elsewhere")


def _forms(canary: str) -> tuple[str, str]:
    """As text, and as the hexadecimal of a dump."""
    return canary, canary.encode().hex()


def _others(story: Story, tenant: int | None) -> list[tuple[str, str]]:
    return [
        (other.slug, form)
        for other in story.tenants.values() if other.id != tenant
        for form in _forms(other.canary)
    ]  # fmt: skip


def _rows(story: Story, looked: list[int]) -> Iterator[str]:
    for path in sorted((story.folder / DUMP).glob("*.jsonl")):
        with path.open(encoding="utf-8") as file:
            for line in file:
                looked[0] += 1
                row = json.loads(line)
                # The table of tenants has them as its rows.
                tenant = row.get("tenant", row.get("id") if path.stem == "tenant" else None)
                for slug, form in _others(story, tenant):
                    if form in line:
                        mine = story.slug(tenant) if tenant is not None else "nobody"
                        yield f"{path.stem} of {mine} has the canary of {slug}"


def _ledger(story: Story) -> Iterator[str]:
    owners = {row["id"]: row["tenant"] for row in story.table("delivery")}
    for entry in story.ledger:
        body = json.dumps(entry["body"], ensure_ascii=False)
        where = f"{entry['provider']} {entry['dest']}"
        named = [t for t in story.tenants.values() if t.slug in _parts(entry["dest"])]
        tenants = {each.id for each in named}
        if entry["key"] in owners:
            tenants.add(owners[entry["key"]])
        if len(tenants) > 1:
            yield f"{where} got {entry['key']} of {story.slug(owners[entry['key']])}"
        for tenant in tenants:
            for slug, form in _others(story, tenant):
                if form in body or form in entry["path"]:
                    yield f"{where} of {story.slug(tenant)} got the canary of {slug}"


def _parts(dest: str) -> list[str]:
    return dest.replace("#", "/").split("/")


def _said(story: Story) -> Iterator[str]:
    places = [(path.name, path.read_text("utf-8", "replace")) for path in story.logs()]
    for name, text in [*places, (METRICS, story.text(METRICS))]:
        for slug, form in _others(story, None):
            if form in text:
                yield f"{name} has the canary of {slug}"
