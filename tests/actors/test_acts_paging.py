"""What acts of people mean for escalations, and the links that pages carry."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tests.actors import test_acts as acts
from tests.actors.conftest import Hall, Tenant
from tocsin.demo.fakes import faults
from tocsin.storage import incidents

Travel = Callable[..., None]

CHAIN = """
route:
  {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s, repeat_interval: 8h}
receivers: [{name: ops, escalation: primary}]
accounts: {webhook: {}}
people:
  - {name: anna, webhook: "{hook}-anna"}
  - {name: ben, webhook: "{hook}-ben"}
escalations:
  - name: primary
    steps: [{notify: [{person: anna}]}, {wait: 5m}, {notify: [{person: ben}]}, {wait: 1h}]
"""


def paged(tenant: Tenant) -> dict[str, int]:
    """How often each of them was paged."""
    paging = ("first", "repeat", "reopened", "escalated", "handed_over")
    return {
        name: sum(page["reason"] in paging for page in acts.told_to(tenant, name))
        for name in ("anna", "ben")
    }


def test_the_end_of_a_snooze_begins_the_escalation_again(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(CHAIN)
    begun = acts.begin(hall, tenant)
    assert paged(tenant) == {"anna": 1, "ben": 0}
    acts.do(hall, tenant, incidents.snooze, begun, "anna", lasts=timedelta(minutes=30))
    travel(minutes=29)
    hall.settle()
    assert paged(tenant) == {"anna": 1, "ben": 0}
    travel(minutes=1)
    hall.settle()
    assert paged(tenant) == {"anna": 2, "ben": 0}, "from the top, and once"
    travel(minutes=5)
    hall.settle()
    assert paged(tenant) == {"anna": 2, "ben": 1}


def test_undo_begins_the_escalation_again_and_an_ack_stops_it(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(CHAIN)
    begun = acts.begin(hall, tenant)
    acts.do(hall, tenant, incidents.acknowledge, begun, "anna")
    travel(minutes=6)
    hall.settle()
    assert paged(tenant) == {"anna": 1, "ben": 0}
    acts.do(hall, tenant, incidents.unacknowledge, begun, "anna")
    assert paged(tenant) == {"anna": 2, "ben": 0}
    acts.do(hall, tenant, incidents.acknowledge, begun, "anna")
    travel(hours=2)
    hall.settle()
    assert paged(tenant) == {"anna": 2, "ben": 0}


def test_reopened_the_escalation_begins_again(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(CHAIN)
    begun = acts.begin(hall, tenant)
    acts.do(hall, tenant, incidents.resolve, begun, "anna")
    travel(minutes=10)
    hall.settle()
    acts.do(hall, tenant, incidents.reopen, begun, "anna")
    assert paged(tenant) == {"anna": 2, "ben": 0}


def test_a_hand_over_stops_the_escalation(hall: Hall, travel: Travel) -> None:
    tenant = hall.tenant(CHAIN)
    begun = acts.begin(hall, tenant)
    acts.do(hall, tenant, incidents.hand_over, begun, "anna", to="ben")
    travel(hours=2)
    hall.settle()
    assert paged(tenant) == {"anna": 1, "ben": 1}


def test_only_pages_that_can_be_answered_carry_a_link(hall: Hall) -> None:
    tenant = hall.tenant(CHAIN)
    begun = acts.begin(hall, tenant)
    [page] = acts.told_to(tenant, "anna")
    assert page["act_url"].startswith(f"http://127.0.0.1:8420/t/{tenant.slug}/a/")
    assert len(page["act_url"].partition("8420")[2]) <= 80
    acts.do(hall, tenant, incidents.resolve, begun, "anna")
    assert [page.get("act_url") for page in acts.told_to(tenant, "anna")][1:] == [None]


def test_the_link_is_the_same_on_every_attempt(hall: Hall, travel: Travel) -> None:
    """A text message is known again by its words after an attempt that was in doubt."""
    tenant = hall.tenant(CHAIN)
    fault = faults.Fault("status", status=503, times=1)
    hall.providers.script.add(fault, dest=f"{tenant.dest}-anna")
    acts.begin(hall, tenant)
    travel(minutes=2)
    hall.settle()
    tried = hall.providers.ledger.calls(dest=f"{tenant.dest}-anna")
    links = {call.body["incident"]["act_url"] for call in tried}
    assert len(tried) == 2
    assert len(links) == 1
