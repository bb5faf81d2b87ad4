"""I8: how long it took to accept and to page while nothing was in the way."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.checker.figures import percentile
from tests.faults.checker.story import Story, moment
from tests.faults.verdict import Verdict

#: Seconds: the promise, and from how many on the worst of a hundred says something.
ACCEPT_P99, PAGE_P95, PAGE_P99, ENOUGH = 0.25, 2.0, 5.0, 200
#: A stretch is quiet so long after a fault. Seconds.
CALM = 10.0


def check(story: Story) -> Verdict:
    accepts, pages = list(_accepts(story)), list(_pages(story))
    wrong = []
    if len(accepts) >= ENOUGH and percentile(accepts, 99) > ACCEPT_P99:
        wrong.append(f"p99 of accepting is {percentile(accepts, 99) * 1000:.0f} ms")
    if len(pages) >= 20 and percentile(pages, 95) > PAGE_P95:
        wrong.append(f"p95 from accepting to the provider is {percentile(pages, 95):.2f} s")
    if len(pages) >= ENOUGH and percentile(pages, 99) > PAGE_P99:
        wrong.append(f"p99 from accepting to the provider is {percentile(pages, 99):.2f} s")
    figure = f"accept {_said(accepts, 1000, 'ms')}; page {_said(pages, 1, 's')}"
    limit = (
        f"accept p99 {ACCEPT_P99 * 1000:.0f} ms; page p95 {PAGE_P95:.0f} s, p99 {PAGE_P99:.0f} s"
    )
    return Verdict("I8", "Soon, while nothing is in the way", figure, limit, not wrong, wrong)


def _said(values: list[float], times: float, unit: str) -> str:
    if not values:
        return "nothing to measure"
    found = [f"{percentile(values, share) * times:.3g}" for share in (50, 95, 99)]
    return f"p50/95/99 {'/'.join(found)} {unit} of {len(values)}"


def _accepts(story: Story) -> Iterator[float]:
    for post in story.of_kind("post"):
        if post.outcome != "accepted" or post.ended is None:
            continue
        if not story.troubled(post.began - CALM, post.ended):
            yield post.ended - post.began


def _pages(story: Story) -> Iterator[float]:
    """From the first alert of a group to its first message, without the wait that was asked for."""
    received = {(row["tenant"], row["id"]): moment(row["received_at"]) or 0.0
                for row in story.table("alert_event")}  # fmt: skip
    firsts = {(row["tenant"], row["id"]): row for row in story.table("notification")
              if row["reason"] == "first" and row["events"]}  # fmt: skip
    for row in story.table("delivery"):
        told = firsts.get((row["tenant"], row["notification_id"]))
        tenant = story.tenants.get(row["tenant"])
        later = (moment(row["wanted_at"]) or 0) > (moment(row["created_at"]) or 0)
        arrived = [e["t"] for e in story.by_key.get(row["id"], ()) if e["effect"]]
        if told is None or tenant is None or later or not arrived:
            continue
        came = [received[row["tenant"], id] for id in told["events"]
                if (row["tenant"], id) in received]  # fmt: skip
        began = min(came) + float(tenant.policy.get("group_wait", 0)) if came else None
        if began is not None and not story.troubled(began - CALM, min(arrived)):
            yield min(arrived) - began
