"""I12: the counters add up: what was accepted is what ended, and the metrics say the same."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tests.faults.checker import judged, model
from tests.faults.checker.story import Story
from tests.faults.history import METRICS
from tests.faults.verdict import Verdict

ACCEPTED = "alerts_accepted_total"
_SAMPLE = re.compile(r"tocsin_alerts_accepted_total\{([^}]*)\} (\S+)")
_TENANT = re.compile(r'tenant_id="([^"]*)"')


def check(story: Story) -> Verdict:
    counted = _counters(story)
    wrong = [*_ends(story, counted), *_client(story, counted), *_metrics(story, counted)]
    of = f"{sum(n for (_, name, _), n in counted.items() if name == ACCEPTED):.0f} accepted"
    return judged("I12", "The counters add up", wrong, of=of)


Counters = Counter[tuple[int, str, str]]


def _counters(story: Story) -> Counters:
    """Folded and unfolded, by tenant, name and labels."""
    found: Counters = Counter()
    for row in [*story.table("counter"), *story.table("tally")]:
        found[row["tenant"], row["name"], row["labels"]] += row["value"]
    return found


def _accepted(counted: Counters, tenant: int) -> float:
    return sum(n for (of, name, _), n in counted.items() if of == tenant and name == ACCEPTED)


def _ends(story: Story, counted: Counters) -> Iterator[str]:
    posted = Counter(row["tenant"] for row in story.table("alert_event") if row["posted"])
    aside: Counter[int] = Counter()
    kept: Counter[int] = Counter()
    for row in story.table("quarantine"):
        aside[row["tenant"]] += row["alerts"]
        # What a drain put aside had been taken in before.
        kept[row["tenant"]] += row["alerts"] if row["field"] != "drain" else 0
    for row in story.table("intake"):
        kept[row["tenant"]] += row["alerts"]
    for tenant in story.tenants:
        if (accepted := _accepted(counted, tenant)) != kept[tenant]:
            yield f"{story.slug(tenant)}: {accepted:.0f} accepted, {kept[tenant]} in the intake"
        repeats = sum(
            n for (of, name, labels), n in counted.items()
            if of == tenant and name == "alerts_processed_total" and labels.endswith("|repeat")
        )  # fmt: skip
        ends = posted[tenant] + repeats + aside[tenant]
        if accepted != ends:
            parts = f"{posted[tenant]} events, {repeats:.0f} repeats, {aside[tenant]} put aside"
            yield f"{story.slug(tenant)}: {accepted:.0f} accepted, {ends:.0f} ended ({parts})"


def _client(story: Story, counted: Counters) -> Iterator[str]:
    """What the client knows to be accepted was counted."""
    sure: Counter[int] = Counter()
    for (tenant, _), come in model.arrivals(story.of_kind("post")).items():
        sure[tenant] += come.sure
    for tenant, least in sure.items():
        if (accepted := _accepted(counted, tenant)) < least:
            yield f"{story.slug(tenant)}: {least} were answered with a 2xx, {accepted:.0f} counted"


def _metrics(story: Story, counted: Counters) -> Iterator[str]:
    shown: Counter[str] = Counter()
    for labels, value in _SAMPLE.findall(story.text(METRICS)):
        if named := _TENANT.search(labels):
            shown[named[1]] += float(value)  # type: ignore[assignment]
    for id, tenant in story.tenants.items():
        if (accepted := _accepted(counted, id)) != shown[tenant.slug]:
            yield f"{tenant.slug}: {accepted:.0f} in the record, {shown[tenant.slug]} in /metrics"
