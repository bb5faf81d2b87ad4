"""SendGrid: what it is posted, what its answers mean, and what its events say."""

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
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from sendgrid.helpers import eventwebhook, mail

import channels
from channels import sendgrid
from schemas import heard
from tests.channels import messages
from tocsin import errors
from tocsin.demo import fakes
from tocsin.demo.fakes import faults
from tocsin.egress import addresses, guard

KEY = "0198c0de-7777-7000-8000-000000000007"
ONE, TWO = "ops@example.org", "night@example.org"
NOW = messages.NOW


@pytest.fixture
def account() -> Iterator[fakes.Fakes]:
    with fakes.serve(clock=NOW.timestamp) as running:
        yield running


@pytest.fixture
def call() -> Iterator[channels.Call]:
    with guard.client(addresses.networks("127.0.0.0/8"), total=0.5) as http:
        yield channels.Call(key=KEY, secrets={"api_key": "SG.fake"}, http=http, now=NOW)


def settings(account: fakes.Fakes, **changes: Any) -> sendgrid.Settings:
    given = {
        "api_key_file": "sendgrid",
        "from": "Tocsin <alerts@example.org>",
        "to": [ONE, TWO],
        "api_url": f"{account.url}/",
        "webhook_public_key": account.sendgrid.public_key,
    }
    return sendgrid.Settings.model_validate(given | changes)


def events(account: fakes.Fakes, told: list[Any], at: datetime = NOW) -> heard.Post:
    headers, body = account.sendgrid.signed(told, at.timestamp())
    return heard.Post("events", "https://tocsin.example/t/acme/callbacks", headers, body)


def test_a_letter_is_taken(account: fakes.Fakes, call: channels.Call) -> None:
    there = settings(account, reply_to="team@example.org", attach=["csv"])
    receipt = sendgrid.send(messages.first(), there, call)
    [taken] = account.sendgrid.messages(TWO)
    assert receipt.provider_id == taken["x_message_id"]
    assert taken["from"] == {"email": "alerts@example.org", "name": "Tocsin"}
    assert taken["reply_to"] == {"email": "team@example.org"}
    assert taken["subject"] == "[Critical] DiskFull on db-1"
    assert taken["custom_args"] == {"tocsin_delivery": KEY}
    assert taken["headers"]["Message-ID"] == f"<{KEY}@example.org>"
    assert taken["tracking_settings"]["click_tracking"]["enable"] is False
    assert taken["tracking_settings"]["open_tracking"]["enable"] is False
    assert taken["mail_settings"]["sandbox_mode"]["enable"] is False
    [file] = taken["attachments"]
    assert b"DiskFull" in base64.b64decode(file["content"])
    assert [entry.key for entry in account.ledger.calls(provider="sendgrid")] == [KEY]


def test_the_vendors_own_builder_writes_the_same(account: fakes.Fakes, call: channels.Call) -> None:
    """Their library is the other side: every key that we write is one that it writes too."""
    sendgrid.send(messages.first(), settings(account, to=[ONE]), call)
    [ours] = account.sendgrid.messages()
    theirs = mail.Mail(
        mail.From("alerts@example.org", "Tocsin"), mail.To(ONE), mail.Subject(ours["subject"]),
        mail.PlainTextContent(ours["content"][0]["value"]),
        mail.HtmlContent(ours["content"][1]["value"]),
    )  # fmt: skip
    for name, value in ours["headers"].items():
        theirs.add_header(mail.Header(name, value))
    theirs.add_custom_arg(mail.CustomArg("tocsin_delivery", KEY))
    theirs.tracking_settings = mail.TrackingSettings(
        click_tracking=mail.ClickTracking(False, False),
        open_tracking=mail.OpenTracking(False),
        subscription_tracking=mail.SubscriptionTracking(False),
    )
    theirs.mail_settings = mail.MailSettings(sandbox_mode=mail.SandBoxMode(False))
    built = theirs.get()
    headers: dict[str, str] = {}
    for person in built["personalizations"]:
        headers |= person.pop("headers", {})
        built.setdefault("custom_args", person.pop("custom_args", None))
    built["headers"] = headers | built.get("headers", {})
    ours.pop("x_message_id")
    assert {k: v for k, v in built.items() if v} == ours


@pytest.mark.parametrize(
    ("status", "told"),
    [(400, "`from`"), (401, "API key"), (403, "Mail Send"), (413, "Attach less")],
)
def test_what_it_refuses_has_a_cure(
    account: fakes.Fakes, call: channels.Call, status: int, told: str
) -> None:
    account.script.add(faults.Fault("status", status=status))
    with pytest.raises(errors.Permanent, match=told) as refused:
        sendgrid.send(messages.first(), settings(account), call)
    assert refused.value.status_code == status


def test_a_wrong_key(account: fakes.Fakes, call: channels.Call) -> None:
    with pytest.raises(errors.Permanent) as refused:
        sendgrid.send(
            messages.first(), settings(account), replace(call, secrets={"api_key": "SG.no"})
        )
    assert refused.value.reason == "authError"
    assert "SG.no" not in refused.value.message


@pytest.mark.parametrize(
    ("reset", "after"),
    [(90, 90.0), (-5, None), (86400, 3600.0), ("soon", None), ("60", None)],
)
def test_a_rate_limit_says_when_it_ends(
    account: fakes.Fakes, call: channels.Call, reset: int | str, after: float | None
) -> None:
    value = str(int(NOW.timestamp()) + reset) if isinstance(reset, int) else reset
    account.script.add(faults.Fault("status", status=429, headers={"x-ratelimit-reset": value}))
    with pytest.raises(errors.Retryable) as slower:
        sendgrid.send(messages.first(), settings(account), call)
    assert (slower.value.reason, slower.value.after) == ("rateLimited", after)
    assert not slower.value.in_doubt


def test_the_fake_is_as_picky_as_sendgrid(account: fakes.Fakes) -> None:
    with httpx.Client(base_url=account.url, trust_env=False) as http:
        headers = {"authorization": "Bearer SG.fake"}
        right: dict[str, Any] = {
            "personalizations": [{"to": [{"email": ONE}]}], "from": {"email": "a@b.org"},
            "subject": "s", "content": [{"type": "text/plain", "value": "x"}],
        }  # fmt: skip
        wrong: tuple[dict[str, Any], ...] = (
            {"personalizations": []},
            {"personalizations": [{"to": [{"email": ONE}, {"email": ONE}]}]},
            {"from": {}},
            {"subject": ""},
            {
                "content": [
                    {"type": "text/html", "value": "x"},
                    {"type": "text/plain", "value": "x"},
                ]
            },
            {"content": [{"type": "text/plain", "value": ""}]},
            {"headers": {"Subject": "x"}},
            {"headers": {"X": "two\r\nlines"}},
            {"custom_args": {"n": 1}},
            {"attachments": [{"filename": "a", "content": "not base64!"}]},
        )
        for change in wrong:
            answer = http.post("/v3/mail/send", json=right | change, headers=headers)
            assert answer.status_code == 400, change
            assert answer.json()["errors"][0]["field"]
        assert http.post("/v3/mail/send", json=right, headers=headers).status_code == 202
        assert http.post("/v3/mail/send", json=right).status_code == 401
    assert len(account.sendgrid.messages()) == 1


def test_the_vendor_believes_the_signature_of_the_fake(account: fakes.Fakes) -> None:
    post = events(account, [{"event": "delivered"}])
    theirs = eventwebhook.EventWebhook(account.sendgrid.public_key)
    stamp = post.headers["x-twilio-email-event-webhook-timestamp"]
    signature = post.headers["x-twilio-email-event-webhook-signature"]
    assert theirs.verify_signature(post.body.decode(), signature, stamp)


def test_what_became_of_a_letter(account: fakes.Fakes, call: channels.Call) -> None:
    receipt = sendgrid.send(messages.first(), settings(account), call)
    name = f"{receipt.provider_id}.recvd-5f-1-a.0"
    told = [
        {"event": "bounce", "timestamp": 30, "sg_message_id": name, "email": TWO,
         "reason": "550 5.1.1 no such\r\nuser\u202e", "type": "bounce"},
        {"event": "processed", "timestamp": 10, "sg_message_id": name, "email": ONE},
        {"event": "delivered", "timestamp": 20, "sg_message_id": name, "email": ONE,
         "response": "250 OK"},
        {"event": "deferred", "timestamp": 15, "sg_message_id": name, "email": TWO,
         "response": "451 busy"},
        {"event": "dropped", "timestamp": 40, "sg_message_id": name, "email": TWO,
         "reason": "Bounced Address"},
        {"event": "open", "timestamp": 50, "sg_message_id": name, "email": ONE},
        {"event": "spamreport", "timestamp": 60, "email": TWO.upper()},
        {"event": "group_resubscribe", "timestamp": 61, "email": TWO},
        {"event": "delivered", "timestamp": 70},
        "nonsense",
    ]  # fmt: skip
    received = sendgrid.receive(events(account, told), settings(account), {}, NOW)
    one = receipt.provider_id
    assert received.heard == (
        heard.Receipt(one, "queued", final=False),
        heard.Receipt(one, "queued", final=False, reason=f"{TWO}: 451 busy"),
        heard.Receipt(one, "delivered", final=False),
        heard.Receipt(one, "bounced", final=True, reason=f"{TWO}: 550 5.1.1 no such user"),
        heard.Receipt(one, "bounced", final=True, reason=f"{TWO}: Bounced Address"),
        heard.Refusal(TWO, refused=True),
        heard.Refusal(TWO, refused=False),
    )
    assert received.answer.status == 200


def test_the_same_events_have_the_same_nonce(account: fakes.Fakes) -> None:
    """SendGrid posts again, with a new time and signature, what was not answered with 2xx."""
    told = [{"event": "delivered", "sg_message_id": "a.b", "sg_event_id": "1"}]
    there = settings(account)
    once = sendgrid.receive(events(account, told), there, {}, NOW)
    later = NOW + timedelta(minutes=3)
    again = sendgrid.receive(events(account, told, at=later), there, {}, later)
    other = sendgrid.receive(events(account, [{"event": "delivered"}]), there, {}, NOW)
    assert once.nonce == again.nonce != other.nonce


@pytest.mark.parametrize("damage", ["body", "signature", "stamp", "no signature", "old", "early",
                                    "other key", "no key", "stamp of words"])  # fmt: skip
def test_what_sendgrid_did_not_sign_just_now(account: fakes.Fakes, damage: str) -> None:
    shift = {"old": -601, "early": 601}.get(damage, 0)
    post = events(account, [{"event": "delivered"}], at=NOW + timedelta(seconds=shift))
    headers = dict(post.headers)
    there = settings(account)
    if damage == "body":
        post = replace(post, body=post.body + b" ")
    elif damage == "signature":
        headers["x-twilio-email-event-webhook-signature"] = "AAAA"
    elif damage.startswith("stamp"):
        words = damage.endswith("words")
        stamp = "soon" if words else str(int(NOW.timestamp()) + 1)
        headers["x-twilio-email-event-webhook-timestamp"] = stamp
    elif damage == "no signature":
        headers = {}
    elif damage == "other key":
        there = settings(account, webhook_public_key=_encoded(ec.generate_private_key(
            ec.SECP256R1()).public_key()))  # fmt: skip
    elif damage == "no key":
        there = settings(account, webhook_public_key=None)
    with pytest.raises(errors.NotAuthenticated):
        sendgrid.receive(replace(post, headers=headers), there, {}, NOW)


@pytest.mark.parametrize("told", [{"event": "delivered"}, "x", 7, None])
def test_signed_nonsense_is_a_bad_request(account: fakes.Fakes, told: Any) -> None:
    post = events(account, told)
    with pytest.raises(errors.BadRequest):
        sendgrid.receive(post, settings(account), {}, NOW)


def test_odd_events_are_passed_by(account: fakes.Fakes) -> None:
    odd: list[Any] = [
        {}, [], 1, {"event": []} | {"event": "x"}, {"event": "bounce", "sg_message_id": 5},
        {"event": "delivered", "sg_message_id": ".", "timestamp": "x"},
        {"event": "unsubscribe", "email": 7}, {"event": "bounce", "timestamp": 10**400},
    ]  # fmt: skip
    assert sendgrid.receive(events(account, odd), settings(account), {}, NOW).heard == ()


def test_another_kind_of_post(account: fakes.Fakes) -> None:
    post = replace(events(account, []), kind="inbound")
    with pytest.raises(errors.NotAuthenticated):
        sendgrid.receive(post, settings(account), {}, NOW)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"webhook_public_key": "MFkw"}, "verification key"),
        ({"webhook_public_key": "ü"}, "verification key"),
        ({"api_url": "ftp://api.sendgrid.com"}, "https"),
        ({"api_key_file": None}, "api_key_file"),
        ({"api_key_file": "SG.abc"}, "secret itself"),
        ({"to": "nobody"}, "not an e-mail address"),
    ],
)
def test_settings_that_are_wrong(account: fakes.Fakes, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(pydantic.ValidationError, match=told):
        settings(account, **changes)


def test_a_key_of_another_kind_is_refused(account: fakes.Fakes) -> None:
    key = _encoded(rsa.generate_private_key(65537, 2048).public_key())
    with pytest.raises(pydantic.ValidationError, match="verification key"):
        settings(account, webhook_public_key=key)


def test_destinations(account: fakes.Fakes) -> None:
    assert sendgrid.destination(settings(account)) == f"sendgrid {ONE}, {TWO} (sendgrid)"
    assert json.loads(settings(account).model_dump_json())["to"] == [ONE, TWO]
    assert NOW.tzinfo is UTC


def _encoded(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_bytes(serialization.Encoding.DER, form)).decode()
