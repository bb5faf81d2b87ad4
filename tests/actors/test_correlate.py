"""Groups that belong together are one incident: paged once, acknowledged once, over at the end."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.actors.conftest import Hall, Tenant, alert
from tocsin.config import settings
from tocsin.storage import incidents, regrouping

POLICY = """
route:
  receiver: ops
  group_by: [alertname, service]
  group_wait: 0s
  group_interval: 0s
  routes:
    - {receiver: web, matchers: [team=web]}
    - {receiver: chat, matchers: [team=chat]}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
  - name: web
    webhook: [{url: "{hook}/web"}]
  - name: chat
    slack: [{channel: C1, token_env: bot, api_url: "{slack}"}]
services:
  shop: {depends_on: [api]}
  api: {depends_on: [db]}
  db: {}
incidents:
  correlate:
    - {name: same-node, labels: [node]}
    - {name: near, services: {hops: 1}}
"""
ALONE = POLICY[: POLICY.index("incidents:")]
INCIDENTS = "SELECT id, state, severity, title FROM incident ORDER BY opened_at, id"
JOINS = (
    "SELECT reason, confidence::text, left_at IS NULL AS current FROM incident_group"
    " ORDER BY joined_at, confidence DESC"
)
KINDS = "SELECT kind FROM timeline ORDER BY id"


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> Callable[[Tenant], None]:
    """Gives a tenant the Slack token that its policy names."""

    def give(tenant: Tenant) -> None:
        monkeypatch.setenv(f"TOCSIN_SECRET_{tenant.slug.upper()}__BOT", "xoxb-fake")

    return give


def down(tenant: Tenant, *services: str, **labels: str) -> None:
    tenant.send(*(
        alert("Down", "firing", starts=None, ends=None, notes=None, service=service, **labels)
        for service in services
    ))  # fmt: skip


def up(tenant: Tenant, *services: str, **labels: str) -> None:
    now = tenant.now
    tenant.send(*(
        alert("Down", "resolved", starts=now, ends=now, notes=None, service=service, **labels)
        for service in services
    ))  # fmt: skip


def act(tenant: Tenant, what: Callable[..., Any], incident: uuid.UUID) -> None:
    with tenant.hall.record.session([tenant.id]) as tx:
        what(tx, tenant.id, incident, "ann")


def heard(tenant: Tenant, path: str = "") -> list[tuple[str, str]]:
    """What a webhook receiver was told: status and reason, in order."""
    calls = tenant.hall.providers.ledger.calls(dest=tenant.dest + path)
    return [(c.body["status"], c.body["incident"]["reason"]) for c in calls if c.effect]


def slack(tenant: Tenant) -> tuple[list[Any], list[Any]]:
    """What stands in the tenant's Slack: the messages posted, threads apart, and the changes."""
    calls = [c for c in tenant.hall.providers.ledger.calls(provider="slack") if c.effect]
    known = list(map(str, tenant.column("SELECT id FROM incident")))
    ours = [c for c in calls if any(id in json.dumps(c.body) for id in known)]
    posts = [c.body for c in ours if c.path.endswith("chat.postMessage")]
    updates = [c.body for c in ours if c.path.endswith("chat.update")]
    return [body for body in posts if not body.get("thread_ts")], updates


def test_three_services_on_one_node_are_one_incident_and_one_page(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", "b", "c", node="n1", severity="critical")
    hall.settle()
    (incident,) = tenant.rows(INCIDENTS)
    assert (incident["state"], incident["severity"]) == ("open", "critical")
    assert heard(tenant) == [("firing", "first")]
    assert sorted(tenant.outcomes(), key=str) == ["grouped", "grouped", "notified"]
    causes = tenant.column("SELECT cause FROM alert_event WHERE outcome = 'grouped'")
    assert causes == [str(incident["id"])] * 2
    assert [row["reason"] for row in tenant.rows(JOINS)] == ["opened", "labels", "labels"]
    assert tenant.column(KINDS).count("joined") == 2


def test_services_that_stand_on_each_other_are_one_incident(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    for service in ("db", "api", "shop"):
        down(tenant, service)
        hall.settle()
    assert len(tenant.rows(INCIDENTS)) == 1
    assert [row["reason"] for row in tenant.rows(JOINS)] == ["opened", "services", "services"]
    down(tenant, "mail")
    hall.settle()
    assert len(tenant.rows(INCIDENTS)) == 2


def test_without_rules_each_group_has_its_own_incident(hall: Hall) -> None:
    tenant = hall.tenant(ALONE)
    down(tenant, "a", "b", "c", node="n1")
    hall.settle()
    assert len(tenant.rows(INCIDENTS)) == 3
    assert heard(tenant) == [("firing", "first")] * 3


def test_after_the_window_an_open_incident_takes_nothing_more(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    for service, minutes in (("a", 4), ("b", 4), ("c", 6), ("d", 0)):
        down(tenant, service, node="n1")
        hall.settle()
        travel(minutes=minutes)
    # b came four minutes after a, c four minutes after b: the window slides; d was too late.
    assert len(tenant.rows(INCIDENTS)) == 2
    counts = "SELECT count(*) FROM incident_group GROUP BY incident_id ORDER BY 1"
    assert tenant.column(counts) == [1, 3]


def test_the_window_of_the_installation_is_for_rules_that_name_none(
    hall: Hall, travel: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERT_CORRELATION_WINDOW", "60")
    assert settings.load().correlation_window_seconds == 60
    short = hall.runtime.settings.model_copy(update={"correlation_window_seconds": 60.0})
    monkeypatch.setattr(hall.runtime, "settings", short)
    own = POLICY.replace("labels: [node]", "labels: [node], window: 10m")
    for policy, expected in ((POLICY, 2), (own, 1)):
        tenant = hall.tenant(policy)
        for service in ("a", "b"):
            down(tenant, service, node="n1")
            hall.settle()
            travel(minutes=2)
        assert len(tenant.rows(INCIDENTS)) == expected


def test_it_is_over_when_the_last_part_is_and_each_receiver_hears_of_its_end(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", node="n1")
    hall.settle()
    down(tenant, "b", node="n1", team="web")
    hall.settle()
    assert heard(tenant, "/web") == [("firing", "first")]
    up(tenant, "a", node="n1")
    hall.settle()
    assert [row["state"] for row in tenant.rows(INCIDENTS)] == ["open"]
    assert heard(tenant) == [("firing", "first"), ("resolved", "resolved")]
    assert "part_over" in tenant.column(KINDS)
    up(tenant, "b", node="n1", team="web")
    hall.settle()
    assert [row["state"] for row in tenant.rows(INCIDENTS)] == ["resolved"]
    assert heard(tenant, "/web") == [("firing", "first"), ("resolved", "resolved")]
    assert None not in tenant.outcomes()


def test_a_receiver_that_was_paged_once_hears_the_end_of_the_whole(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    for service in ("a", "b"):
        down(tenant, service, node="n1")
        hall.settle()
    up(tenant, "a", node="n1")
    hall.settle()
    up(tenant, "b", node="n1")
    hall.settle()
    assert heard(tenant) == [
        ("firing", "first"), ("resolved", "resolved"), ("resolved", "resolved"),
    ]  # fmt: skip


def test_what_is_worse_pages_at_once(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", node="n1", severity="warning")
    hall.settle()
    down(tenant, "b", node="n1", severity="critical")
    hall.settle()
    assert heard(tenant) == [("firing", "first")] * 2
    assert tenant.column("SELECT queue FROM delivery ORDER BY created_at") == ["notify", "page"]
    assert [row["severity"] for row in tenant.rows(INCIDENTS)] == ["critical"]


def test_an_acknowledgement_stops_the_pages_of_all_groups(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", node="n1")
    down(tenant, "b", node="n1", team="web")
    hall.ring("flush")
    (incident,) = tenant.rows(INCIDENTS)
    act(tenant, incidents.acknowledge, incident["id"])
    hall.settle()
    assert heard(tenant) == heard(tenant, "/web") == []
    assert set(tenant.column("SELECT state FROM delivery")) == {"superseded"}
    travel(hours=9)
    hall.settle()
    assert heard(tenant) == heard(tenant, "/web") == []


def test_it_repeats_once_for_all_its_groups(hall: Hall, travel: Callable[..., None]) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", "b", "c", node="n1")
    hall.settle()
    travel(hours=4, minutes=1)
    hall.settle()
    assert heard(tenant) == [("firing", "first"), ("firing", "repeat")]
    travel(hours=4, minutes=1)
    hall.settle()
    assert heard(tenant)[2:] == [("firing", "repeat")]


def test_a_page_that_was_never_sent_leaves_nobody_unheard(
    hall: Hall, travel: Callable[..., None]
) -> None:
    """The page about `a` stood for `b` and was replaced by the end of `a` before it went out."""
    tenant = hall.tenant(POLICY)
    down(tenant, "a", node="n1")
    hall.ring("flush")
    down(tenant, "b", node="n1")
    hall.ring("flush")
    up(tenant, "a", node="n1")
    hall.ring("flush")
    hall.settle()
    assert heard(tenant) == [("resolved", "resolved")]
    travel(minutes=2)
    hall.settle()
    assert heard(tenant)[1:] == [("firing", "first")]


def test_a_resolved_incident_swallows_nothing_new(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", node="n1")
    hall.settle()
    up(tenant, "a", node="n1")
    hall.settle()
    down(tenant, "b", node="n1")
    hall.settle()
    assert [row["state"] for row in tenant.rows(INCIDENTS)] == ["resolved", "open"]
    assert heard(tenant)[-1] == ("firing", "first")
    act(tenant, incidents.resolve, tenant.rows(INCIDENTS)[1]["id"])
    down(tenant, "c", node="n1")
    hall.settle()
    assert [row["state"] for row in tenant.rows(INCIDENTS)] == ["resolved", "resolved", "open"]


def test_its_own_groups_open_it_again_within_the_window(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    for turn in (down, up, down):
        turn(tenant, "a", "b", node="n1")
        hall.settle()
        travel(minutes=1)
    (incident,) = tenant.rows(INCIDENTS)
    assert incident["state"] == "open"
    assert len(tenant.rows(JOINS)) == 2
    assert heard(tenant)[-1][1] in ("reopened", "new_alerts")
    up(tenant, "a", "b", node="n1")
    hall.settle()
    assert [row["state"] for row in tenant.rows(INCIDENTS)] == ["resolved"]


def test_slack_shows_one_message_for_all_groups(
    hall: Hall, token: Callable[[Tenant], None], travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    token(tenant)

    def settled() -> tuple[list[Any], list[Any]]:
        for _ in range(4):  # one message a second is what Slack allows
            hall.settle()
            travel(seconds=2)
        return slack(tenant)

    down(tenant, "a", "b", node="n1", team="chat")
    settled()
    down(tenant, "c", node="n1", team="chat")
    parents, updates = settled()
    assert len(parents) == 1
    assert "2 alerts are firing" in str(parents[0]["blocks"])
    assert "3 alerts are firing" in str(updates[-1]["blocks"])
    assert set(tenant.outcomes()) == {"notified"}
    act(tenant, incidents.acknowledge, tenant.rows(INCIDENTS)[0]["id"])
    assert "Acknowledged" in settled()[1][-1]["text"]
    up(tenant, "a", "b", "c", node="n1", team="chat")
    parents, updates = settled()
    assert (len(parents), "Resolved" in updates[-1]["text"]) == (1, True)


def test_a_slack_message_stays_with_the_incident_when_its_first_group_is_taken_out(
    hall: Hall, token: Callable[[Tenant], None], travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    token(tenant)
    for service in ("a", "b"):
        down(tenant, service, node="n1", team="chat")
        hall.settle()
        travel(seconds=5)
    (incident,) = tenant.column("SELECT id FROM incident")
    first = tenant.one("SELECT group_id FROM incident")
    with hall.record.session([tenant.id]) as tx:
        regrouping.split(tx, tenant.id, incident, [first], "ann")
    for service in ("a", "b"):
        up(tenant, service, node="n1", team="chat")
        hall.settle()
        travel(seconds=5)
    parents, updates = slack(tenant)
    assert len(parents) == 2
    # The end of a is a message of its own; the message that showed both shows the end of b.
    assert "Resolved" in parents[1]["text"]
    assert str(incident) in json.dumps(updates[-1])
    assert "Resolved" in updates[-1]["text"]


def at_once(hall: Hall, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    """Flush in so many threads, each of which holds one group before any of them decides."""
    flush = hall.module("flush")
    monkeypatch.setattr(flush, "LIMIT", 1)
    barrier = threading.Barrier(threads, timeout=20)
    load = flush._groups.load
    waited: set[int] = set()

    def together(*args: Any) -> Any:
        sheets = load(*args)
        if threading.get_ident() not in waited:
            waited.add(threading.get_ident())
            barrier.wait()
        return sheets

    monkeypatch.setattr(flush._groups, "load", together)
    running = [threading.Thread(target=hall.ring, args=("flush",)) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join(30)
    assert len(waited) == threads


def test_flushes_at_once_open_one_incident(hall: Hall, monkeypatch: pytest.MonkeyPatch) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, *"abcd", node="n1")
    at_once(hall, monkeypatch, 4)
    assert len(tenant.rows(INCIDENTS)) == 1
    assert len(tenant.rows(JOINS)) == 4
    hall.settle()
    assert heard(tenant) == [("firing", "first")]


def test_parts_that_end_at_once_do_not_leave_it_open(
    hall: Hall, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", "b", node="n1")
    hall.settle()
    up(tenant, "a", "b", node="n1")
    at_once(hall, monkeypatch, 2)
    assert [row["state"] for row in tenant.rows(INCIDENTS)] == ["resolved"]


def test_a_group_whose_alerts_move_leaves_the_incident_and_says_why(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", "b", node="n1")
    hall.settle()
    regrouped = POLICY.replace("{receiver: web, matchers: [team=web]}",
                               "{receiver: web, matchers: [service=b]}")  # fmt: skip
    tenant.apply(regrouped)
    hall.settle()
    assert heard(tenant, "/web") == [("firing", "first")]
    (incident,) = tenant.rows(INCIDENTS)
    assert incident["state"] == "open"
    left = tenant.column("SELECT detail FROM timeline WHERE kind = 'left'")
    assert len(left) == 1
    assert "the policy changed" in left[0]
    up(tenant, "a", "b", node="n1")
    hall.settle()
    assert [row["state"] for row in tenant.rows(INCIDENTS)] == ["resolved"]
    assert None not in tenant.outcomes()
