"""The whole way: three services of one cause are one incident, told, taken and ended everywhere."""

from __future__ import annotations

from typing import Any

from tests.e2e.conftest import Stack, Tenant, alert, eventually

POLICY = """
route:
  receiver: oncall
  group_by: [service]
  group_wait: 0s
  group_interval: 1s
receivers:
  - name: oncall
    slack:
      - channel: "{room}"
        token_file: slack
        signing_secret_file: slack-signing
        api_url: "{slack}"
    email:
      - {host: 127.0.0.1, port: {mail}, tls: none, from: tocsin@example.org, to: [{address}]}
    sms:
      - {account_sid: "{account}", token_file: twilio, from: "+15005550006", to: "{phone}",
         api_url: "{twilio}"}
people:
  - {name: anna, slack: U0ANNA, phone: "{phone}"}
services:
  shop: {depends_on: [api]}
  api: {depends_on: [db], owner: Team Core}
  db: {owner: Team Data, runbook: "https://wiki.example.org/db"}
enrichment:
  steps:
    - services: {}
rules:
  - name: a-node-that-is-down-is-critical
    when: alertname == "NodeDown" and labels.ready < 1
    then: {severity: critical}
incidents:
  correlate:
    - {name: near, services: {hops: 1}}
templates:
  - {name: short, channel: sms, type: "*", parts: {text: "{{ title }} ({{ firing }})"}}
"""
PHONE = "+4915112345678"
SERVICES = ("db", "api", "shop")


def tenant_of(stack: Stack) -> Tenant:
    providers = stack.providers
    tenant = stack.tenant()
    folder = stack.supervisor.options.home / "secrets" / "tenants" / tenant.slug
    (folder / "slack-signing").write_text(providers.slack.signing_secret)
    (folder / "twilio").write_text(providers.twilio.token)
    words = {
        "{mail}": str(providers.mail.port), "{address}": f"{tenant.slug}@example.org",
        "{account}": providers.twilio.account, "{twilio}": providers.twilio_api, "{phone}": PHONE,
    }  # fmt: skip
    text = POLICY
    for word, value in words.items():
        text = text.replace(word, value)
    tenant.apply(text)
    return tenant


def letters(tenant: Tenant) -> list[Any]:
    found = tenant.stack.providers.mail.messages(f"{tenant.slug}@example.org")
    return [each.parsed() for each in found]


def texts(tenant: Tenant) -> list[str]:
    return [each["body"] for each in tenant.stack.providers.twilio.messages(PHONE)]


def down(service: str) -> dict[str, Any]:
    return {"alertname": "NodeDown", "service": service, "node": "n7", "ready": "0"}


def test_three_services_one_incident_told_on_all_taken_by_a_button_and_over(stack: Stack) -> None:
    tenant = tenant_of(stack)
    for service in SERVICES:
        tenant.post(alert(**down(service)))
        tenant.quiet()
    (incident,) = tenant.get("/incidents")["items"]
    detail = tenant.get(f"/incidents/{incident['id']}")
    assert incident["severity"] == "critical"
    assert {each["labels"]["service"] for each in detail["groups"]} == set(SERVICES)
    assert detail["alerts_total"] == 3
    first = paged_once(tenant)
    taken_by_a_button(tenant, incident["id"])
    for service in SERVICES:
        tenant.resolve(**down(service))
    eventually(lambda: tenant.get(f"/incidents/{incident['id']}")["state"] == "resolved")
    tenant.quiet()
    eventually(lambda: "Resolved" in tenant.slack()[0]["text"])
    assert len(tenant.slack()) == 1
    last = letters(tenant)[-1]
    assert last["References"].split()[0] == first["References"].split()[0]
    assert None not in tenant.outcomes()


def paged_once(tenant: Tenant) -> Any:
    """One letter, one text, and one message in Slack that shows all three; gives the letter."""
    (letter,) = letters(tenant)
    (text,) = texts(tenant)
    (message,) = tenant.slack()
    assert "NodeDown" in letter["Subject"]
    assert text.startswith("NodeDown")
    shown = str(message["blocks"])
    assert all(service in shown for service in SERVICES)
    return letter


def taken_by_a_button(tenant: Tenant, incident: str) -> None:
    """Anna presses Acknowledge twice, a stranger Resolve: one acknowledgement, and nobody else."""
    (message,) = tenant.slack()
    for action, user in (("acknowledge", "U0ANNA"), ("acknowledge", "U0ANNA"), ("resolve", "U0X")):
        answer = tenant.stack.providers.slack.click(
            f"{tenant.stack.url}/t/{tenant.slug}/callbacks/slack/actions", f"#{tenant.slug}",
            message["ts"], f"tocsin_{action}", user, base=tenant.stack.providers.url,
        )  # fmt: skip
        assert answer.status_code == 200
    taken = tenant.get(f"/incidents/{incident}")
    assert (taken["state"], taken["acknowledged_by"]) == ("acknowledged", "anna")
    assert [line["kind"] for line in taken["timeline"]].count("acknowledged") == 1
    eventually(lambda: "Acknowledged" in tenant.slack()[0]["text"])
    assert len(texts(tenant)) == 1


def test_a_text_back_takes_it_and_stop_is_never_silent(stack: Stack) -> None:
    tenant = tenant_of(stack)
    before = len(texts(tenant))
    tenant.post(alert(**down("db")))
    eventually(lambda: len(texts(tenant)) == before + 1)
    url = f"{stack.url}/t/{tenant.slug}/callbacks/sms/reply"
    said = stack.providers.twilio.text(url, PHONE, "1")
    assert said.startswith("You have it")
    (incident,) = tenant.get("/incidents")["items"]
    assert incident["acknowledged_by"] == "anna"
    stack.providers.twilio.text(url, PHONE, "STOP")
    tenant.resolve(**down("db"))
    tenant.quiet()
    dead = [d for d in tenant.get("/deliveries", state="dead")["items"] if d["channel"] == "sms"]
    assert "STOP" in dead[0]["cause"]
    stack.providers.twilio.text(url, PHONE, "START")
