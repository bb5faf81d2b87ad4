"""What people do to a storm: take all of it, end it, take a group out of it; and who is paged."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.actors.conftest import Hall, Tenant, alert
from tests.actors.storming import POLICY, blow, heard, over
from tocsin import errors
from tocsin.storage import storm_acts


def storm_of(tenant: Tenant) -> Any:
    return tenant.one("SELECT id FROM storm")


def act(tenant: Tenant, what: Callable[..., Any], *more: Any) -> Any:
    with tenant.hall.record.session([tenant.id]) as tx:
        return what(tx, tenant.id, storm_of(tenant), *more, "ann")


def group_of(tenant: Tenant, node: str) -> Any:
    return tenant.one(
        "SELECT id FROM alert_group WHERE position(%s in labels) > 0", f'"node":"{node}"'
    )


def test_a_group_that_is_promoted_pages_and_is_an_incident_of_its_own(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    act(tenant, storm_acts.promote, group_of(tenant, "n7"))
    act(tenant, storm_acts.promote, group_of(tenant, "n7"))
    hall.settle()
    assert [t.partition(":")[0] for t in heard(tenant)] == ["Storm", "NodeDown"]
    assert tenant.told()[1]["groupLabels"]["node"] == "n7"
    assert tenant.one("SELECT count(*) FROM incident WHERE state = 'open'") == 2
    now = tenant.now
    tenant.post(alert("NodeDown", starts=now, node="n7", disk="sda", severity="warning"))
    hall.settle()
    assert len(tenant.told()) == 3  # it speaks for itself, in the storm too


def test_promoting_is_refused_where_nothing_is_to_be_told(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    over(tenant, 8)
    hall.settle()
    with pytest.raises(errors.Conflict, match="nothing of this group fires"):
        act(tenant, storm_acts.promote, group_of(tenant, "n7"))
    with pytest.raises(errors.NotFound, match="has no group"):
        act(tenant, storm_acts.promote, uuid.UUID(int=1))


def test_who_takes_a_storm_has_all_of_it_and_hears_only_its_end(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    blow(tenant, 2, name="Fire", severity="critical")
    hall.settle()
    assert act(tenant, lambda *args: storm_acts.acknowledge(*args)) == 3
    hall.settle()
    assert tenant.column("SELECT DISTINCT state FROM incident") == ["acknowledged"]
    for n in range(1, 4):
        travel(minutes=4)
        hall.settle()
        blow(tenant, 20, first=100 * n)
        hall.settle()
    assert len(tenant.told()) == 3
    travel(minutes=6)
    hall.settle()
    assert len(tenant.told()) == 4
    assert tenant.column("SELECT DISTINCT state FROM incident") == ["acknowledged"]


def test_who_ends_a_storm_hears_the_digest_and_then_each_group(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    blow(tenant, 30)
    hall.settle()
    act(tenant, storm_acts.end)
    act(tenant, storm_acts.end)
    hall.settle()
    assert "ann ended the storm" in tenant.told()[-1]["incident"]["why"]
    blow(tenant, 5, first=100)
    hall.settle()
    assert len(tenant.told()) == 2 + 5
    assert tenant.one("SELECT count(*) FROM storm") == 1


def test_when_all_groups_are_taken_out_the_incident_of_the_storm_is_over(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY.replace("threshold: 20", "threshold: 1"))
    blow(tenant, 2)
    hall.settle()
    for node in ("n0", "n1"):
        act(tenant, storm_acts.promote, group_of(tenant, node))
    hall.settle()
    travel(minutes=6)
    hall.settle()
    mine = "SELECT state FROM incident WHERE id = (SELECT incident_id FROM storm)"
    assert tenant.one(mine) == "resolved"
    assert tenant.one("SELECT closed_at IS NOT NULL FROM storm")


CHAIN = """
people:
  - {name: ann, webhook: "{hook}/ann"}
  - {name: ben, webhook: "{hook}/ben"}
accounts: {webhook: {}}
escalations:
  - name: night
    steps: [{notify: [{person: ann}]}, {wait: 3m}, {notify: [{person: ben}]}]
"""


def test_the_escalation_of_the_receiver_goes_through_the_storm_once(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(
        POLICY.replace("- name: ops\n", "- name: ops\n    escalation: night\n") + CHAIN
    )
    blow(tenant, 30)
    hall.settle()
    assert tenant.column("SELECT name FROM escalation") == ["night"]
    assert [call.rsplit("/", 1)[1] for call in places(tenant)] == ["ann"]
    travel(minutes=3)
    hall.settle()
    assert [call.rsplit("/", 1)[1] for call in places(tenant)] == ["ann", "ben"]
    over(tenant, 30)
    hall.settle()
    travel(minutes=10)
    hall.settle()
    assert tenant.column("SELECT DISTINCT state FROM incident") == ["resolved"]
    assert tenant.one("SELECT state FROM escalation") == "stopped"


def places(tenant: Tenant) -> list[str]:
    """Whom pages of the escalation reached, in order."""
    calls = tenant.hall.providers.ledger.calls()
    return [call.dest for call in calls if call.dest.startswith(tenant.dest + "/") and call.effect
            and call.seen <= 1]  # fmt: skip


def test_a_storm_of_groups_that_were_told_before_leaves_no_incident_open(hall: Hall) -> None:
    tenant = hall.tenant(POLICY.replace("[alertname, node]", "[alertname]"))
    blow(tenant, 1)
    hall.settle()
    blow(tenant, 30, first=1)
    hall.ring("dedup", "flush")
    act(tenant, storm_acts.end)
    hall.settle()
    assert [t.partition(":")[0] for t in heard(tenant)] == ["NodeDown", "Storm"]
    assert tenant.told()[1]["status"] == "firing"
    assert tenant.one("SELECT state FROM incident WHERE id = (SELECT incident_id FROM storm)") == (
        "resolved"
    )
    assert tenant.one("SELECT count(*) FROM incident WHERE state = 'open'") == 1
    assert tenant.one("SELECT closed_at IS NOT NULL FROM storm")


def test_in_slack_it_is_shown_that_somebody_has_it(
    hall: Hall, travel: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    slack = 'slack: [{channel: CSTORM, token_env: bot, api_url: "{slack}"}]'
    tenant = hall.tenant(POLICY.replace("webhook:\n      - url: {hook}\n", slack + "\n"))
    monkeypatch.setenv(f"TOCSIN_SECRET_{tenant.slug.upper()}__BOT", "xoxb-fake")
    blow(tenant, 30)
    hall.settle()
    travel(seconds=2)
    act(tenant, storm_acts.acknowledge)
    hall.settle()
    travel(minutes=6)
    hall.settle()
    travel(seconds=2)
    over(tenant, 30)
    hall.settle()
    reasons = "SELECT reason FROM notification ORDER BY created_at, id"
    assert tenant.column(reasons) == ["first", "acknowledged", "new_alerts", "resolved"]
