"""Whatever arrives, in whatever order: each accepted alert is accounted for, and none is left."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.alert import Alert, Status
from tests.actors.conftest import Hall, Tenant, alert
from tocsin.storage import figures

POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
  routes:
    - {receiver: db, matchers: [team=db], continue: true}
    - {receiver: nobody, matchers: [team=web]}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
  - name: db
    webhook: [{url: "{hook}/db", send_resolved: false}]
  - name: nobody
"""
#: In which an accepted alert may end here.
ENDS = {"stale", "no_route", "grouped", "superseded", "notified", "quarantined"}


class Arrival(NamedTuple):
    """An alert as a sender posts it; times in minutes before now."""

    team: str
    status: Status
    ago: int
    lasted: int

    def alert(self, now: datetime) -> Alert:
        starts = now - timedelta(minutes=self.ago)
        ends = starts + timedelta(minutes=self.lasted) if self.status == "resolved" else None
        return alert(status=self.status, starts=starts, ends=ends, team=self.team)


arrivals = st.builds(
    Arrival, st.sampled_from(("db", "web", "x")), st.sampled_from(("firing", "resolved")),
    st.integers(0, 4), st.integers(0, 3),
)  # fmt: skip
#: A number is a batch of so many alerts that cannot be read; False lets the workers run.
steps = st.lists(
    st.lists(arrivals, min_size=1, max_size=5) | st.integers(1, 4) | st.just(False), max_size=8
)
story = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def counted(tenant: Tenant) -> dict[str, float]:
    """The counters of a tenant by name, those of processing by kind; folded or not."""
    with tenant.hall.record.session([tenant.id]) as tx:
        rows = figures.counters(tx, tenant.id)
    sums: dict[str, float] = {}
    for row in rows:
        kind = row["labels"].rpartition("|")[2]
        name = kind if row["name"] == "alerts_processed_total" else row["name"]
        sums[name] = sums.get(name, 0) + row["value"]
    return sums


def live(tenant: Tenant, story: list[Any]) -> int:
    """Post all of it; returns how many alerts were accepted."""
    accepted, now = 0, tenant.now
    for step in story:
        if step is False:
            tenant.hall.settle()
        elif isinstance(step, int):
            tenant.accept(b"cannot be opened", step)
            accepted += step
        else:
            tenant.post(*(arrival.alert(now) for arrival in step))
            accepted += len(step)
    tenant.hall.settle()
    return accepted


@story
@given(steps)
def test_accepted_is_events_plus_repeats_plus_quarantined_and_nothing_stays_pending(
    hall: Hall, story: list[Any]
) -> None:
    tenant = hall.tenant(POLICY)
    accepted = live(tenant, story)
    sums = counted(tenant)
    posted = tenant.one("SELECT count(*) FROM alert_event WHERE posted")
    buried = tenant.one("SELECT coalesce(sum(alerts), 0)::int FROM quarantine")
    assert sums.get("alerts_accepted_total", 0) == accepted
    assert accepted == posted + sums.get("repeat", 0) + buried
    assert sums.get("alerts_quarantined_total", 0) == buried
    assert set(tenant.outcomes()) <= ENDS
    with hall.record.claims() as tx:
        tx.run("SELECT fold_tallies()")
    assert counted(tenant) == pytest.approx(sums)


@story
@given(steps)
def test_the_messages_that_went_out_end_with_the_state_that_is_stored(
    hall: Hall, story: list[Any]
) -> None:
    tenant = hall.tenant(POLICY)
    live(tenant, [step for step in story if not isinstance(step, int)])
    firing = set(tenant.column(
        "SELECT fingerprint FROM alert WHERE status = 'firing' AND labels NOT LIKE '%%\"web\"%%'"
        " AND labels NOT LIKE '%%\"db\"%%'"
    ))  # fmt: skip
    last = tenant.told()[-1]["alerts"] if tenant.told() else []
    assert {a["fingerprint"] for a in last if a["status"] == "firing"} == firing
    open_now = tenant.one("SELECT count(*) FROM incident WHERE state <> 'resolved'")
    wanted = tenant.one(
        "SELECT count(DISTINCT g.id) FROM group_member m JOIN alert_group g ON g.id = m.group_id"
        " WHERE g.receiver <> 'nobody'"
    )
    assert open_now == wanted
