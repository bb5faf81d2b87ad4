"""Whatever fires and ends, in whatever order: no incident is left open, no receiver unheard."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.alert import Status
from tests.actors.conftest import Hall, Tenant, alert
from tests.actors.test_correlate import POLICY
from tocsin.storage import incidents, regrouping

#: Groups that fire and are in no incident that goes on.
LEFT_ALONE = """
SELECT g.id FROM alert_group g WHERE g.active AND NOT EXISTS (
  SELECT 1 FROM incident_group m JOIN incident i ON i.tenant = m.tenant AND i.id = m.incident_id
  WHERE m.tenant = g.tenant AND m.group_id = g.id AND m.left_at IS NULL
    AND (i.state <> 'resolved' OR i.resolved_by IS NOT NULL))
"""
#: Incidents that go on although nothing of them fires.
ZOMBIES = """
SELECT i.id FROM incident i WHERE i.state <> 'resolved' AND NOT EXISTS (
  SELECT 1 FROM incident_group m JOIN alert_group g ON g.tenant = m.tenant AND g.id = m.group_id
  WHERE m.tenant = i.tenant AND m.incident_id = i.id AND m.left_at IS NULL AND g.active)
"""
#: Receivers of what fires in an open incident to whom no page about that incident ever went.
UNHEARD = """
SELECT i.id, t.integration FROM incident i
JOIN incident_group m ON m.tenant = i.tenant AND m.incident_id = i.id AND m.left_at IS NULL
JOIN told t ON t.tenant = m.tenant AND t.group_id = m.group_id AND t.carried
WHERE i.state = 'open' AND cardinality(t.firing) > 0 AND NOT EXISTS (
  SELECT 1 FROM delivery d JOIN notification n ON n.id = d.notification_id
  WHERE d.incident_id = i.id AND d.integration = t.integration AND d.state = 'sent'
    AND n.reason IN ('first', 'new_alerts', 'repeat', 'reopened'))
"""


class Arrival(NamedTuple):
    """An alert of a service on a node."""

    service: str
    node: str
    team: str
    status: Status
    severity: str


arrivals = st.builds(
    Arrival, st.sampled_from(["db", "api", "shop"]), st.sampled_from(["n1", "n2"]),
    st.sampled_from(["", "web"]), st.sampled_from(["firing", "resolved"]),
    st.sampled_from(["warning", "critical"]),
)  # fmt: skip
steps = st.lists(
    st.lists(arrivals, min_size=1, max_size=4)
    | st.sampled_from(["flush", "settle", "wait", "ack", "resolve", "merge"]),
    max_size=10,
)


def live(tenant: Tenant, step: str | list[Arrival]) -> None:
    now = tenant.now
    if isinstance(step, list):
        tenant.send(*(
            alert(a.service, a.status, starts=now, ends=now if a.status == "resolved" else None,
                  service=a.service, node=a.node, team=a.team, severity=a.severity)
            for a in step
        ))  # fmt: skip
    elif step == "flush":
        tenant.hall.ring("flush")
    elif step == "settle":
        tenant.hall.settle()
    elif step == "wait":
        tenant.hall.travel(timedelta(minutes=4))
    else:
        _act(tenant, step)


def _act(tenant: Tenant, step: str) -> None:
    found = tenant.column("SELECT id FROM incident WHERE state <> 'resolved' ORDER BY id")
    with tenant.hall.record.session([tenant.id]) as tx:
        if step == "merge" and len(found) > 1:
            regrouping.merge(tx, tenant.id, found[0], found[1:], "ann")
        elif step != "merge" and found:
            act = incidents.acknowledge if step == "ack" else incidents.resolve
            act(tx, tenant.id, found[-1], "ann")


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps)
def test_every_part_is_in_an_incident_and_every_receiver_heard_of_it(
    hall: Hall, story: list[str | list[Arrival]]
) -> None:
    tenant = hall.tenant(POLICY)
    for step in story:
        live(tenant, step)
    hall.settle()
    hall.travel(timedelta(minutes=2))
    hall.settle()
    assert None not in tenant.outcomes()
    assert tenant.rows(LEFT_ALONE) == []
    assert tenant.rows(ZOMBIES) == []
    assert tenant.rows(UNHEARD) == []
