"""The generic webhook against a receiver that checks as a careful one does."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pydantic
import pytest
import standardwebhooks

import channels
from channels import webhook
from tests.channels import messages
from tocsin import errors
from tocsin.demo import fakes
from tocsin.demo.fakes import faults, server
from tocsin.egress import addresses, guard

SECRET = "whsec_" + base64.b64encode(b"a secret of twenty-four+").decode()
OTHER = "whsec_" + base64.b64encode(b"another one, also of 24+").decode()
KEY = "0198c0de-2222-7000-8000-000000000002"


@pytest.fixture
def providers() -> Iterator[fakes.Fakes]:
    with fakes.serve() as running:
        yield running


@pytest.fixture
def http() -> Iterator[httpx.Client]:
    with guard.client(addresses.networks("127.0.0.0/8"), total=0.5) as client:
        yield client


@pytest.fixture
def call(http: httpx.Client) -> channels.Call:
    return channels.Call(key=KEY, secrets={}, http=http, now=datetime.now(UTC))


def settings(url: str, **more: Any) -> webhook.Settings:
    return webhook.Settings.model_validate({"url": url, **more})


def test_the_body_is_that_of_alertmanager() -> None:
    """Field by field as in Alertmanager's webhook, version 4, and `incident` beside it."""
    ended = messages.NOW + timedelta(minutes=5)
    message = messages.first(
        alerts=[messages.alert(), messages.alert(status="resolved", ends_at=ended)], truncated=3
    )
    assert webhook.body(message) == {
        "version": "4",
        "groupKey": '{}:{alertname="DiskFull"}',
        "status": "firing",
        "receiver": "ops",
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": {"alertname": "DiskFull", "instance": "db-1"},
        "commonAnnotations": {"summary": "The disk of db-1 is full"},
        "externalURL": "https://tocsin.example",
        "truncatedAlerts": 3,
        "alerts": [
            {
                "status": status,
                "labels": {"alertname": "DiskFull", "instance": "db-1", "severity": "critical"},
                "annotations": {"summary": "The disk of db-1 is full"},
                "startsAt": "2026-03-07T03:07:00Z",
                "endsAt": end,
                "generatorURL": "https://prometheus.example/graph?g0.expr=disk&g0.tab=1",
                "fingerprint": "a1b2c3d4e5f60718",
            }
            for status, end in (
                ("firing", "0001-01-01T00:00:00Z"),
                ("resolved", "2026-03-07T03:12:00Z"),
            )
        ],
        "incident": {
            "id": "0198c0de-0000-7000-8000-000000000001",
            "url": "https://tocsin.example/incidents/0198c0de",
            "state": "open",
            "reason": "first",
            "title": "DiskFull on db-1",
            "severity": "critical",
            "why": "route team=db sends critical alerts to ops",
            "notes": [],
        },
    }


def test_a_resolved_group_without_a_link() -> None:
    body = webhook.body(messages.first(state="resolved", reason="resolved", firing=0, url=""))
    assert (body["status"], body["externalURL"]) == ("resolved", "")


def test_an_end_in_the_future_of_a_firing_alert_is_not_told() -> None:
    later = messages.NOW + timedelta(hours=1)
    body = webhook.body(messages.first(alerts=[messages.alert(ends_at=later)]))
    assert body["alerts"][0]["endsAt"] == "0001-01-01T00:00:00Z"


def test_the_reference_verifier_accepts_the_signature() -> None:
    now = datetime.now(UTC)
    content = '{"ok":"ü"}'
    headers = {
        "webhook-id": KEY,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": webhook.signatures(SECRET, KEY, now, content.encode()),
    }
    assert standardwebhooks.Webhook(SECRET).verify(content, headers) == {"ok": "ü"}
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OTHER).verify(content, headers)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(SECRET).verify(content + " ", headers)


def test_two_lines_of_secrets_sign_twice() -> None:
    now = datetime.now(UTC)
    signed = webhook.signatures(f"{OTHER}\n\n{SECRET}\n", KEY, now, b"{}")
    assert len(signed.split(" ")) == 2
    headers = {
        "webhook-id": KEY,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signed,
    }
    for secret in (SECRET, OTHER):
        assert standardwebhooks.Webhook(secret).verify("{}", headers) == {}


@pytest.mark.parametrize("secret", ["plain", "whsec_", "whsec_!!!!", "whsec_c2hvcnQ=", "whsec_ü"])
def test_a_secret_of_the_wrong_form(call: channels.Call, secret: str) -> None:
    with pytest.raises(errors.Permanent, match="whsec_ and then") as refused:
        webhook.signatures(f"{SECRET}\n{secret}", KEY, call.now, b"")
    assert refused.value.reason == "configError"
    assert SECRET not in str(refused.value)


def test_what_arrives(providers: fakes.Fakes, call: channels.Call) -> None:
    providers.webhooks.secrets["/hook/ops"] = SECRET
    there = settings(providers.hook("ops"), headers={"X-Team": "db"})
    call = replace(call, secrets={"signing_secret": f"{OTHER}\n{SECRET}", "token": "t0k3n"})
    receipt = webhook.send(messages.first(), there, call)
    assert receipt == channels.Receipt(ref=None, provider_id=KEY)
    [entry] = providers.ledger.calls(provider="webhook", dest="/hook/ops", key=KEY)
    assert (entry.status, entry.effect) == (200, True)
    assert providers.webhooks.visible("/hook/ops") == [webhook.body(messages.first())]


@pytest.mark.parametrize("secrets", [{}, {"signing_secret": OTHER}])
def test_a_receiver_that_does_not_believe_it(
    providers: fakes.Fakes, call: channels.Call, secrets: dict[str, str]
) -> None:
    providers.webhooks.secrets["*"] = SECRET
    with pytest.raises(errors.Permanent) as refused:
        webhook.send(
            messages.first(), settings(providers.hook("a")), replace(call, secrets=secrets)
        )
    assert refused.value.reason == "authError"
    assert providers.webhooks.visible("/hook/a") == []


def test_a_bearer_token_and_own_headers(call: channels.Call) -> None:
    heard: list[dict[str, str]] = []

    async def answer(request: server.Request) -> server.Reply:
        heard.append(request.headers)
        return server.Reply(202)

    with server.running(server.Server(answer)) as running:
        there = settings(running.url, headers={"X-Team": "db"}, token_file="bearer")
        webhook.send(messages.first(), there, replace(call, secrets={"token": "t0k3n"}))
    assert heard[0]["authorization"] == "Bearer t0k3n"
    assert heard[0]["x-team"] == "db"
    assert heard[0]["content-type"] == "application/json"
    assert "webhook-signature" not in heard[0]


def test_an_address_that_is_a_secret(providers: fakes.Fakes, call: channels.Call) -> None:
    hidden = webhook.Settings(url_file="hook-url")
    assert webhook.destination(hidden) == "webhook hook-url"
    webhook.send(messages.first(), hidden, replace(call, secrets={"url": providers.hook("hidden")}))
    assert len(providers.webhooks.visible("/hook/hidden")) == 1
    with pytest.raises(errors.Permanent):
        webhook.send(messages.first(), hidden, replace(call, secrets={"url": "http://0x7f.1/"}))


@pytest.mark.parametrize("kind", ["short", "huge", "bad_json"])
def test_the_status_is_enough(
    providers: fakes.Fakes, call: channels.Call, kind: faults.Kind
) -> None:
    """A receiver that said 200 has it, whatever becomes of the rest of its answer."""
    providers.script.add(faults.Fault(kind))
    assert webhook.send(messages.first(), settings(providers.hook("a")), call).provider_id == KEY


def test_a_lost_reply_is_shown_once(providers: fakes.Fakes, call: channels.Call) -> None:
    there = settings(providers.hook("ops"))
    providers.script.add(faults.Fault("cut_after", times=1), dest="/hook/ops")
    with pytest.raises(errors.Retryable) as lost:
        webhook.send(messages.first(), there, call)
    assert lost.value.in_doubt
    webhook.send(messages.first(), there, replace(call, attempt=2, may_repeat=True))
    assert [entry.seen for entry in providers.ledger.calls(key=KEY)] == [1, 2]
    assert len(providers.webhooks.visible("/hook/ops")) == 1


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://hooks.example/ops", "https://hooks.example/ops"),
        ("https://hooks.example:8443/a/b/", "https://hooks.example:8443/a/b/"),
        ("https://hooks.example/a?key=s3cret", "https://hooks.example/a~"),
        ("https://hooks.example/a#s3cret", "https://hooks.example/a~"),
        (
            "https://h.example/services/T0/B0/aBcD1234eFgH5678iJkL",
            "https://h.example/services/T0/B0/~",
        ),
        ("https://h.example/w/0198c0de-2222-7000-8000-000000000002/x", "https://h.example/w/~"),
        ("https://h.example/w/abcdefghijKLMNOPQRSTuvwx", "https://h.example/w/~"),
    ],
)
def test_destinations(url: str, shown: str) -> None:
    told = webhook.destination(settings(url))
    assert told.startswith(shown)
    if shown.endswith("~"):
        assert len(told) == len(shown) + 8
        assert told != webhook.destination(settings(f"{url}x"))
    else:
        assert told == shown


def test_headers_lead_to_another_place() -> None:
    plain, other = (
        settings("https://h.example/a"),
        settings("https://h.example/a", headers={"X": "1"}),
    )
    assert webhook.destination(plain) != webhook.destination(other)


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"url": "https://h.example/", "url_file": "x"},
        {"url": "https://h.example/", "url_env": "X"},
        {"url": "https://user:pw@h.example/"},
        {"url": "http://2130706433/"},
        {"url": "ftp://h.example/"},
        {"url": "https://h.example/", "signing_secret": SECRET},
        {"url": "https://h.example/", "signing_secret_file": SECRET},
        {"url": "https://h.example/", "signing_secret_file": "../other/x"},
        {"url": "https://h.example/", "signing_secret_file": "a/b"},
        {"url": "https://h.example/", "signing_secret_file": ".."},
        {"url": "https://h.example/", "signing_secret_env": "A__B"},
        {"url": "https://h.example/", "token_file": "a", "token_env": "B"},
        {"url": "https://h.example/", "headers": {"Authorization": "Bearer x"}},
        {"url": "https://h.example/", "headers": {"HOST": "x"}},
        {"url": "https://h.example/", "headers": {"Transfer-Encoding": "chunked"}},
        {"url": "https://h.example/", "headers": {"Content-Length": "3"}},
        {"url": "https://h.example/", "headers": {"webhook-id": "x"}},
        {"url": "https://h.example/", "headers": {"X-A": "a\r\nHost: b"}},
        {"url": "https://h.example/", "headers": {"X-A\r\n": "a"}},
        {"url": "https://h.example/", "headers": {"": "a"}},
        {"url": "https://h.example/", "headers": {"X-A": "\u00fc"}},
    ],
    ids=json.dumps,
)
def test_settings_that_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(pydantic.ValidationError) as refused:
        webhook.Settings.model_validate(bad)
    assert SECRET not in str(refused.value)
    assert "pw@" not in str(refused.value)


def test_a_page_to_a_person_says_where_to_act() -> None:
    url = "https://tocsin.example/t/acme/a/x"
    assert webhook.body(messages.first(act_url=url))["incident"]["act_url"] == url
    assert "act_url" not in webhook.body(messages.first())["incident"]


@pytest.mark.parametrize(("most", "shown", "truncated"), [(0, 3, 2), (2, 2, 3), (5, 3, 2)])
def test_no_more_alerts_than_its_receiver_wants(
    providers: fakes.Fakes, call: channels.Call, most: int, shown: int, truncated: int
) -> None:
    message = messages.first(alerts=[messages.alert()] * 3, truncated=2)
    webhook.send(message, settings(f"{providers.url}/hook/most", max_alerts=most), call)
    (sent,) = [entry.body for entry in providers.ledger.calls(dest="/hook/most")]
    assert (len(sent["alerts"]), sent["truncatedAlerts"]) == (shown, truncated)
