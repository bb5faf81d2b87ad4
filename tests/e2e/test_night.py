"""A night as this product is for: a storm, two people, a text that fails, a desk, a link, a report.

The storm comes at 02:58 on a Saturday in Berlin. Anna is paged and sleeps on; Ben's text fails; a
day later somebody finds it on the desk, sends it again, and Ben acknowledges by the link in it. On
Monday the report shows exactly this night.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from playwright import sync_api

from tests.browser.conftest import chromium  # noqa: F401 - the fixture
from tests.e2e.conftest import Stack, Tenant, alert, eventually
from tocsin.demo.fakes import faults

BERLIN = ZoneInfo("Europe/Berlin")
ANNA, BEN = "+4915110000001", "+4915110000002"
POLICY = """
route: {receiver: ops, group_by: [cluster], group_wait: 0s, group_interval: 1s}
receivers:
  - name: ops
    escalation: primary
accounts:
  sms: {account_sid: "{account}", token_file: twilio, from: "+15005550006", api_url: "{twilio}"}
  email: {host: 127.0.0.1, port: {mail}, tls: none, from: Tocsin <tocsin@example.org>}
people:
  - name: anna
    shown: Anna
    phone: "{anna}"
    zone: Europe/Berlin
    notify: {important: [{by: sms}]}
  - name: ben
    shown: Ben
    phone: "{ben}"
    zone: Europe/Berlin
    notify: {important: [{by: sms}]}
  - {name: chief, email: "{mailbox}", zone: Europe/Berlin}
schedules:
  - name: Primary DB
    zone: Europe/Berlin
    layers: [{people: [anna]}]
escalations:
  - name: primary
    steps:
      - notify: [{schedule: Primary DB}]
      - wait: 5m
      - notify: [{person: ben}]
      - wait: 2d
reports:
  - {name: mondays, kind: weekly, zone: Europe/Berlin, at: "08:00", to: [chief]}
"""


@pytest.fixture(scope="module")
def stack(launch_stack: Callable[..., Any]) -> Iterator[Stack]:
    with launch_stack(scale="lookup=0") as up:
        yield up


def tenant_of(stack: Stack) -> Tenant:
    providers = stack.providers
    tenant = stack.tenant()
    folder = stack.supervisor.options.home / "secrets" / "tenants" / tenant.slug
    (folder / "twilio").write_text(providers.twilio.token)
    words = {
        "{account}": providers.twilio.account, "{twilio}": providers.twilio_api,
        "{mail}": str(providers.mail.port), "{mailbox}": f"{tenant.slug}@example.org",
        "{anna}": ANNA, "{ben}": BEN,
    }  # fmt: skip
    text = POLICY
    for word, value in words.items():
        text = text.replace(word, value)
    tenant.apply(text)
    return tenant


def travel_to(stack: Stack, moment: datetime) -> None:
    stack.travel(moment.timestamp() - stack.now())


def texts(stack: Stack, phone: str) -> list[str]:
    return [each["body"] for each in stack.providers.twilio.messages(phone)]


def night(stack: Stack) -> datetime:
    """02:58 in Berlin on the Saturday of the week that follows."""
    today = datetime.fromtimestamp(stack.now(), BERLIN)
    saturday = today.date() + timedelta(days=7 - today.weekday() + 5)
    return datetime(saturday.year, saturday.month, saturday.day, 2, 58, tzinfo=BERLIN)


def test_a_night(stack: Stack, chromium: sync_api.Browser) -> None:  # noqa: F811
    tenant = tenant_of(stack)
    begins = night(stack)
    travel_to(stack, begins)
    incident = first_page(stack, tenant)
    nobody_acts_and_bens_text_fails(stack, tenant)
    dead = the_letter_dies(stack, tenant)
    sent_again_in_the_browser(stack, tenant, chromium, dead)
    acknowledged_by_the_link(stack, tenant, incident)
    monday_shows_this_night(stack, tenant, begins, incident)


def first_page(stack: Stack, tenant: Tenant) -> str:
    """Forty alerts of one cluster are one page, which says why it is Anna who reads it."""
    week = stack.now() + 7 * 86400
    nodes = [
        alert(ends=week, alertname="NodeDown", cluster="eu-1", node=f"n{n}", severity="critical")
        for n in range(40)
    ]
    tenant.post(*nodes)
    eventually(lambda: texts(stack, ANNA))
    (text,) = texts(stack, ANNA)
    assert "on call (Primary DB), step 1 of 2, next: Ben at 03:0" in text
    assert texts(stack, BEN) == []
    (incident,) = tenant.get("/incidents")["items"]
    return str(incident["id"])


def nobody_acts_and_bens_text_fails(stack: Stack, tenant: Tenant) -> None:
    busy = faults.Fault("status", status=429, times=1)
    broken = faults.Fault("status", status=500)
    for fault in (busy, broken):
        stack.providers.script.add(fault, provider="twilio", dest=BEN)
    stack.travel(300)
    eventually(lambda: tenant.get("/deliveries", state="pending")["items"])


def the_letter_dies(stack: Stack, tenant: Tenant) -> str:
    """It is tried for a day, and then lies on the desk with its cause."""
    attempts = "SELECT reason FROM delivery_attempt WHERE outcome = 'retry' ORDER BY started_at"
    eventually(lambda: len(tenant.rows(attempts)) >= 2)
    assert [row["reason"] for row in tenant.rows(attempts)][:2] == ["rateLimited", "serverError"]
    stack.travel(24 * 3600)
    (dead,) = eventually(lambda: tenant.get("/deliveries", state="dead")["items"], within=30)
    assert texts(stack, BEN) == []
    stack.providers.script.clear(BEN)
    return str(dead["id"])


def sent_again_in_the_browser(
    stack: Stack, tenant: Tenant, browser: sync_api.Browser, dead: str
) -> None:
    page = browser.new_page(base_url=stack.url)
    page.goto("/ui/login?next=/ui/deliveries?tab=dead")
    page.fill("#token", tenant.token)
    page.click("main button")
    page.click("button[value=retry_all]")
    page.screenshot(path="/tmp/night.png")
    page.click("main button.primary")
    page.screenshot(path="/tmp/night2.png")
    page.close()
    eventually(lambda: texts(stack, BEN))
    assert tenant.get(f"/deliveries/{dead}")["state"] == "sent"


def acknowledged_by_the_link(stack: Stack, tenant: Tenant, incident: str) -> None:
    """Looking changes nothing; pressing once does, and the second press says who has it."""
    (text,) = texts(stack, BEN)
    found = re.search(r"https?://\S+/a/\S+", text)
    assert found, text
    with httpx.Client(trust_env=False) as phone:
        assert phone.get(found[0]).status_code == 200
        assert tenant.get(f"/incidents/{incident}")["state"] == "open"
        assert "You have it" in phone.post(found[0], data={"act": "acknowledge"}).text
    taken = tenant.get(f"/incidents/{incident}")
    assert (taken["state"], taken["acknowledged_by"]) == ("acknowledged", "ben")
    stack.travel(3600)
    tenant.quiet()
    assert len(texts(stack, ANNA)) == 1, "the escalation has stopped"
    tenant.resolve(alertname="NodeDown", cluster="eu-1", node="n0", severity="critical")


def monday_shows_this_night(stack: Stack, tenant: Tenant, begins: datetime, incident: str) -> None:
    """One incident, forty alerts, a page each at night, and first of all our own failure."""
    travel_to(stack, (begins + timedelta(days=2)).replace(hour=8, minute=0, second=1))
    (report,) = eventually(lambda: tenant.get("/analytics/reports")["items"], within=30)
    shown = tenant.get(f"/analytics/reports/{report['id']}")
    figures = {each["key"]: each for each in shown["content"]["figures"]}
    told = {key: figures[key]["value"] for key in ("incidents", "night", "late", "dead")}
    assert told == {"incidents": 1, "night": 2, "late": 1, "dead": 0}
    assert figures["incidents"]["rows"] == [incident]
    (failure,) = shown["content"]["failures"]["rows"]
    assert any(BEN in str(cell) for cell in failure)
    took = tenant.get(f"/incidents/{incident}")
    opened, acked = (
        datetime.fromisoformat(took[f"{act}_at"]) for act in ("opened", "acknowledged")
    )
    assert figures["mtta_p50"]["value"] == pytest.approx((acked - opened).total_seconds(), abs=1)
    tables = {each["key"]: each["rows"] for each in shown["content"]["tables"]}
    assert [row[:2] for row in tables["people"]] == [["anna", 1], ["ben", 1]]
    assert tables["alerts"][0][:2] == ["NodeDown", 40]
    letters = eventually(lambda: mailed(stack, tenant))
    assert "Service levels" in letters[0]["Subject"]


def mailed(stack: Stack, tenant: Tenant) -> list[Any]:
    found = stack.providers.mail.messages(f"{tenant.slug}@example.org")
    return [each.parsed() for each in found]
