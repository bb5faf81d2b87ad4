"""The spine as stories: an alert comes in, the right message goes out, the record proves it."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.conftest import Stack, alert, eventually, iso
from tocsin.demo.fakes import faults, slack

POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
receivers:
  - name: ops
    webhook:
      - url: {hook}
"""
SLACK = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
receivers:
  - name: ops
    slack:
      - channel: "{room}"
        token_file: slack
        api_url: {slack}
"""


def test_an_alert_fires_and_is_told_and_resolves_and_is_told(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    tenant.post(alert(alertname="DiskFull", severity="critical", instance="db-1"))
    told = eventually(tenant.hooks)
    assert [message["status"] for message in told] == ["firing"]
    assert told[0]["alerts"][0]["labels"]["instance"] == "db-1"
    tenant.resolve(alertname="DiskFull", severity="critical", instance="db-1")
    told = eventually(lambda: tenant.hooks()[1:] and tenant.hooks())
    assert [message["status"] for message in told] == ["firing", "resolved"]
    incident = tenant.get("/incidents")["items"][0]
    assert incident["state"] == "resolved"


def test_slack_shows_one_message_that_changes_and_a_thread(stack: Stack) -> None:
    tenant = stack.tenant(SLACK)
    tenant.post(alert(alertname="ApiDown", severity="critical", service="api"))
    first = eventually(lambda: tenant.slack())
    assert len(first) == 1
    for child in [*stack.children("page"), *stack.children("notify")]:
        child.process.kill()  # what was said before must be found again by a new process
    tenant.resolve(alertname="ApiDown", severity="critical", service="api")
    shown = eventually(lambda: (now := tenant.slack()) and now[0]["replies"] and now)
    assert len(shown) == 1
    assert "Resolved" in shown[0]["text"]
    assert len(shown[0]["replies"]) == 1


def test_fifty_posts_at_once_are_one_row_one_incident_and_a_count(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    began = time.time()
    with ThreadPoolExecutor(25) as pool:
        list(pool.map(lambda _: tenant.post(alert(alertname="Hot", starts=began)), range(50)))
    eventually(lambda: tenant.rows("SELECT count FROM alert") == [{"count": 50}])
    tenant.quiet()
    assert len(tenant.get("/incidents")["items"]) == 1
    assert len(tenant.hooks()) == 1


def test_resolved_before_firing_pages_nobody(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    began = time.time() - 60
    tenant.post(alert(alertname="Late", starts=began, ends=began + 30))
    tenant.quiet()
    tenant.post(alert(alertname="Late", starts=began, ends=began + 3600))
    tenant.quiet()
    assert tenant.hooks() == []
    assert tenant.rows("SELECT status FROM alert") == [{"status": "resolved"}]
    assert tenant.outcomes() == ["stale", "stale"]


def test_duplicates_label_order_and_an_ha_pair_are_one_alert(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    began = time.time() - 30
    one = {"labels": {"alertname": "Pair", "a": "1", "b": "2"}, "startsAt": iso(began)}
    other = {"labels": {"b": "2", "a": "1", "alertname": "Pair"}, "startsAt": iso(began + 2)}
    for body in (one, other, one, other):
        tenant.post(body)
    eventually(lambda: tenant.rows("SELECT count FROM alert") == [{"count": 4}])
    tenant.quiet()
    assert len(tenant.hooks()) == 1
    stored = tenant.rows("SELECT starts_at FROM alert")[0]["starts_at"]
    assert abs(stored.timestamp() - began) < 0.01


def test_a_moved_end_keeps_it_firing_and_silence_of_its_sender_ends_it(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    began = stack.now()
    tenant.post(alert(alertname="Beat", starts=began, ends=began + 240))
    eventually(tenant.hooks)
    stack.travel(200)
    tenant.post(alert(alertname="Beat", starts=began, ends=stack.now() + 240))
    stack.travel(100)  # past the first end, before the moved one
    tenant.quiet()
    assert [m["status"] for m in tenant.hooks()] == ["firing"]
    stack.travel(200)
    eventually(lambda: [m["status"] for m in tenant.hooks()] == ["firing", "resolved"])
    kinds = tenant.rows("SELECT kind FROM alert_event ORDER BY id")
    assert [row["kind"] for row in kinds] == ["new", "expired"]


def test_an_alert_that_outlives_its_silence_pages_when_the_silence_ends(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    reply = tenant.call(
        "POST",
        "/api/v1/silences",
        json={"matchers": ["alertname=Quiet"], "duration": "1h", "comment": "planned work"},
    )
    assert reply.status_code == 201, reply.text
    tenant.post(alert(alertname="Quiet", severity="critical", ends=stack.now() + 86400))
    eventually(lambda: tenant.outcomes() == ["silenced"])
    assert tenant.hooks() == []
    assert tenant.get("/incidents")["items"] == []
    stack.travel(3601)
    told = eventually(tenant.hooks)
    assert told[0]["status"] == "firing"
    eventually(lambda: tenant.outcomes() == ["notified"])


def test_a_silence_that_is_ended_early_lets_the_page_through(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    body = {"matchers": ["alertname=Early"], "duration": "1h", "comment": "too broad"}
    silence = tenant.call("POST", "/api/v1/silences", json=body).json()["id"]
    tenant.post(alert(alertname="Early", severity="critical"))
    eventually(lambda: tenant.outcomes() == ["silenced"])
    assert tenant.call("DELETE", f"/api/v1/silences/{silence}").status_code in (200, 204)
    eventually(tenant.hooks)


def test_it_fires_again_within_the_window_and_the_incident_reopens(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    tenant.post(alert(alertname="Flap", starts=stack.now()))
    eventually(lambda: len(tenant.hooks()) == 1)
    tenant.resolve(alertname="Flap")
    eventually(lambda: len(tenant.hooks()) == 2)
    stack.travel(60)
    tenant.post(alert(alertname="Flap", starts=stack.now()))
    eventually(lambda: len(tenant.hooks()) == 3)
    assert [m["incident"]["reason"] for m in tenant.hooks()] == ["first", "resolved", "reopened"]
    assert len(tenant.get("/incidents")["items"]) == 1
    tenant.resolve(alertname="Flap")
    eventually(lambda: len(tenant.hooks()) == 4)
    stack.travel(3600)
    tenant.post(alert(alertname="Flap", starts=stack.now()))
    eventually(lambda: len(tenant.hooks()) == 5)
    assert tenant.hooks()[-1]["incident"]["reason"] == "first"
    assert len(tenant.get("/incidents")["items"]) == 2


def test_repeats_come_after_the_repeat_interval_and_stop_when_somebody_has_it(
    stack: Stack,
) -> None:
    tenant = stack.tenant(POLICY)
    tenant.post(alert(alertname="Long", severity="critical", ends=stack.now() + 10 * 86400))
    eventually(lambda: len(tenant.hooks()) == 1)
    stack.travel(4 * 3600 + 5)
    eventually(lambda: len(tenant.hooks()) == 2)
    assert tenant.hooks()[-1]["incident"]["reason"] == "repeat"
    incident = tenant.get("/incidents")["items"][0]["id"]
    reply = tenant.call("POST", f"/api/v1/incidents/{incident}/ack")
    assert reply.status_code == 200, reply.text
    assert reply.json()["state"] == "acknowledged"
    stack.travel(9 * 3600)
    tenant.quiet()
    assert len(tenant.hooks()) == 2


def test_a_firing_in_back_off_never_arrives_after_its_resolve(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    dest = f"/hook/{tenant.slug}"
    stack.providers.script.add(faults.Fault("status", status=503, times=1), dest=dest)
    tenant.post(alert(alertname="Slow", severity="critical"))
    eventually(lambda: tenant.rows("SELECT attempts FROM delivery WHERE attempts = 1"))
    tenant.resolve(alertname="Slow", severity="critical")
    eventually(tenant.hooks)
    tenant.quiet()
    stack.travel(120)
    tenant.quiet()
    assert [message["status"] for message in tenant.hooks()] == ["resolved"]
    assert tenant.outcomes() == ["superseded", "notified"]


def test_an_update_never_overtakes_the_first_slack_message(stack: Stack) -> None:
    tenant = stack.tenant(SLACK)
    room = f"#{tenant.slug}"
    stack.providers.script.add(faults.Fault("none", latency=1.5, times=1), dest=room)
    tenant.post(alert(alertname="Order", severity="critical", n="1"))
    eventually(lambda: tenant.rows("SELECT 1 AS one FROM delivery WHERE state = 'sending'"))
    tenant.post(alert(alertname="Order", severity="critical", n="2"))
    shown = eventually(lambda: (m := tenant.slack()) and m[0]["replies"] and m)
    tenant.quiet()
    assert len(shown) == 1


def test_dead_letters_say_why_and_are_sent_again_by_hand(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    dest = f"/hook/{tenant.slug}"
    stack.providers.script.add(faults.Fault("status", status=404, times=1), dest=dest)
    tenant.post(alert(alertname="Gone", severity="critical"))
    dead = eventually(lambda: tenant.get("/deliveries", state="dead")["items"])
    assert "404" in dead[0]["cause"]
    assert tenant.outcomes() == ["failed"]
    reply = tenant.call("POST", f"/api/v1/deliveries/{dead[0]['id']}/retry")
    assert reply.status_code in (200, 202), reply.text
    eventually(tenant.hooks)
    eventually(lambda: tenant.outcomes() == ["notified"])


def test_what_may_have_arrived_is_repeated_and_then_changed_not_said_twice(stack: Stack) -> None:
    tenant = stack.tenant()
    # Slack shows what stands in a channel only to those who name it by its id.
    room = slack.channel_id(f"#{tenant.slug}")
    tenant.apply(SLACK.replace("{room}", room))
    stack.providers.script.add(faults.Fault("cut_after", times=1), dest=room)
    tenant.post(alert(alertname="Doubt", severity="critical"))
    eventually(lambda: tenant.rows("SELECT 1 AS one FROM delivery WHERE in_doubt"))
    tenant.resolve(alertname="Doubt", severity="critical")
    eventually(lambda: (now := tenant.slack()) and now[0]["edits"] and now)
    tenant.quiet()
    assert len(tenant.slack()) == 1
