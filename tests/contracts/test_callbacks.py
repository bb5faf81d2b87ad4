"""What every channel keeps that hears its provider: only what it signed with its secrets counts."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib import parse

import pytest
import yaml
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from sendgrid.helpers import eventwebhook
from slack_sdk import signature
from twilio import request_validator

import channels
from schemas import heard
from tests.channels import messages
from tocsin import errors

EVIDENCE = Path(__file__).parent / "channels"
HEARING = sorted(name for name in channels.REGISTRY if channels.receiver(name))
URL = "https://tocsin.example/t/acme/callbacks"

Signed = Callable[[str, dict[str, Any], dict[str, str]], heard.Post]


@dataclass(frozen=True)
class Sample:
    """A channel, and a post that its provider signed with its secrets, by the provider's SDK."""

    receive: channels.Receiving
    settings: channels.ChannelSettings
    secrets: dict[str, str]
    post: heard.Post
    timestamped: bool
    #: The same integration as somebody else has it, where its key stands in the settings.
    other: channels.ChannelSettings | None = None

    def take(self, post: heard.Post, **changed: Any) -> heard.Received:
        settings = changed.get("settings", self.settings)
        given = {"secrets": self.secrets, "now": messages.NOW, **changed}
        return self.receive(post, settings, given["secrets"], given["now"])


def _slack(kind: str, settings: dict[str, Any], secrets: dict[str, str]) -> heard.Post:
    action = {"action_id": "tocsin_acknowledge", "value": messages.first().incident_id}
    payload = {"type": "block_actions", "user": {"id": "U0ANNA"}, "actions": [action]}
    body = parse.urlencode({"payload": json.dumps(payload)}).encode()
    sent = str(int(messages.NOW.timestamp()))
    verifier = signature.SignatureVerifier(secrets["signing_secret"])
    made = verifier.generate_signature(timestamp=sent, body=body) or ""
    headers = {"x-slack-request-timestamp": sent, "x-slack-signature": made}
    return heard.Post(kind, f"{URL}/slack/{kind}", headers, body)


def _twilio(kind: str, settings: dict[str, Any], secrets: dict[str, str]) -> heard.Post:
    fields = {"AccountSid": settings["account_sid"], "MessageSid": "SM" + "1" * 32, "Body": "1",
              "From": settings["to"]}  # fmt: skip
    url = f"{URL}/sms/{kind}"
    made = request_validator.RequestValidator(secrets["token"]).compute_signature(url, fields)
    return heard.Post(kind, url, {"x-twilio-signature": made}, parse.urlencode(fields).encode())


def _sendgrid(kind: str, settings: dict[str, Any], secrets: dict[str, str]) -> heard.Post:
    events = [{"event": "delivered", "sg_message_id": "1.recvd", "sg_event_id": "1"}]
    body, sent = json.dumps(events).encode(), str(int(messages.NOW.timestamp()))
    key = ec.derive_private_key(0xC0FFEE, ec.SECP256R1())
    made = base64.b64encode(key.sign(sent.encode() + body, ec.ECDSA(hashes.SHA256()))).decode()
    verifier = eventwebhook.EventWebhook(settings["webhook_public_key"])
    assert verifier.verify_signature(body.decode(), made, sent)
    headers = {
        "x-twilio-email-event-webhook-signature": made,
        "x-twilio-email-event-webhook-timestamp": sent,
    }
    return heard.Post(kind, f"{URL}/sendgrid/{kind}", headers, body)


SCHEMES: dict[str, Signed] = {"sendgrid": _sendgrid, "slack": _slack, "twilio": _twilio}


@pytest.fixture(params=HEARING)
def sample(request: pytest.FixtureRequest) -> Sample:
    text = (EVIDENCE / f"{request.param}.yml").read_text(encoding="utf-8")
    evidence = yaml.safe_load(text.replace("{base}", "https://provider.example"))
    assert "callback" in evidence, f"{request.param} hears its provider: add `callback`"
    told, receive = evidence["callback"], channels.receiver(request.param)
    assert receive is not None
    model = channels.REGISTRY[request.param].Settings
    other = told.get("other")
    return Sample(
        receive,
        model.model_validate(evidence["settings"]),
        evidence["secrets"],
        SCHEMES[told["scheme"]](told["kind"], evidence["settings"], evidence["secrets"]),
        told.get("timestamped", False),
        model.model_validate({**evidence["settings"], **other}) if other else None,
    )


def test_some_channels_hear() -> None:
    assert {"slack", "sms"} <= set(HEARING)
    assert channels.receiver("webhook") is None
    assert channels.receiver("no-such") is None


def test_what_the_provider_signed_is_believed(sample: Sample) -> None:
    got = sample.take(sample.post)
    assert got.heard
    assert got.nonce


def test_the_same_post_has_the_same_nonce(sample: Sample) -> None:
    assert sample.take(sample.post).nonce == sample.take(sample.post).nonce


def test_a_body_that_was_changed_is_not(sample: Sample) -> None:
    body = sample.post.body
    for changed in (body + b"&x=1", body.replace(b"1", b"2", 1), body[1:], b"", b"\xff\x00"):
        with pytest.raises(errors.NotAuthenticated):
            sample.take(replace(sample.post, body=changed))


def test_another_secret_is_not(sample: Sample) -> None:
    if sample.other is not None:
        with pytest.raises(errors.NotAuthenticated):
            sample.take(sample.post, settings=sample.other)
        return
    for name in sample.secrets:
        other = {**{key: f"x{value}" for key, value in sample.secrets.items()}, name: "wrong"}
        with pytest.raises(errors.NotAuthenticated):
            sample.take(sample.post, secrets=other)


def test_a_missing_or_odd_signature_is_not(sample: Sample) -> None:
    for value in ("", "x", "v0=", "é", "0" * 10_000):
        headers = dict.fromkeys(sample.post.headers, value)
        with pytest.raises(errors.NotAuthenticated):
            sample.take(replace(sample.post, headers=headers))
    with pytest.raises(errors.NotAuthenticated):
        sample.take(replace(sample.post, headers={}))


def test_an_old_time_stamp_is_not(sample: Sample) -> None:
    if not sample.timestamped:
        pytest.skip("this provider signs no time: the nonce alone keeps replays harmless")
    for minutes in (-11, 11):
        with pytest.raises(errors.NotAuthenticated):
            sample.take(sample.post, now=messages.NOW + timedelta(minutes=minutes))


def test_an_unknown_kind_is_not(sample: Sample) -> None:
    with pytest.raises(errors.NotAuthenticated):
        sample.take(replace(sample.post, kind="no-such-kind"))
