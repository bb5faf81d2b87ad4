"""Text messages as a phone shows them, through a fake Twilio; signatures by Twilio's own SDK."""

# ruff: noqa: RUF001 - it is about just these characters
from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib import parse

import pydantic
import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio import request_validator

import channels
from channels import _sms_text, sms
from schemas import heard
from tests.channels import messages
from tocsin import errors
from tocsin.demo import fakes
from tocsin.demo.fakes import faults
from tocsin.egress import addresses, guard

PHONE = "+4915112345678"
KEY = "0198c0de-4444-7000-8000-000000000004"
URL = "https://tocsin.example/t/acme/callbacks/sms"
GOLDEN = Path(__file__).parent / "golden" / "sms.txt"
SID = "SM" + "1" * 32


@pytest.fixture
def providers() -> Iterator[fakes.Fakes]:
    with fakes.serve(clock=lambda: messages.NOW.timestamp() + 2) as running:
        yield running


def settings(providers: fakes.Fakes, **changes: Any) -> sms.Settings:
    return sms.Settings.model_validate({
        "account_sid": providers.twilio.account, "token_file": "twilio", "from": "+15005550006",
        "to": PHONE, "api_url": providers.twilio_api, **changes,
    })  # fmt: skip


@pytest.fixture
def call(providers: fakes.Fakes) -> Iterator[channels.Call]:
    with guard.client(addresses.networks("127.0.0.0/8"), total=0.5) as http:
        yield channels.Call(
            key=KEY, secrets={"token": providers.twilio.token}, http=http, now=messages.NOW,
            callback_url=URL,
        )  # fmt: skip


CASES = {
    "first": messages.first(),
    "new_alerts": messages.first(reason="new_alerts", firing=14, alerts=[messages.alert()] * 14),
    "repeat": messages.first(reason="repeat", severity="warning"),
    "reopened": messages.first(reason="reopened", severity="error"),
    "resolved": messages.first(reason="resolved", state="resolved", firing=0, resolved=1),
    "cyrillic": messages.first(title="Диск переполнен на сервере базы данных"),
    "no severity": messages.first(severity="none", title="“Quoted” – and dashed…"),
}


def test_texts_are_as_kept(providers: fakes.Fakes, call: channels.Call) -> None:
    """The whole of it, to be read by people: tests/channels/golden/sms.txt."""
    told = []
    for name, message in CASES.items():
        text = sms.compose(message, settings(providers), call, answered=True)
        size = _sms_text.measure(text)
        told.append(f"== {name} ({size.alphabet}, {size.parts} of 2)\n{text}\n")
    assert "\n".join(told) == GOLDEN.read_text(encoding="utf-8")


def test_sends_one_text_with_the_address_of_its_receipts(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    receipt = sms.send(messages.first(), settings(providers), call)
    [got] = providers.twilio.messages(PHONE)
    assert receipt == channels.Receipt(None, got["sid"])
    assert got["from"] == "+15005550006"
    assert got["status_callback"] == f"{URL}/status?key={KEY}"
    assert "Reply 1 to acknowledge (1 0001 if you have several)" in got["body"]


def test_no_hint_and_no_receipts_where_twilio_cannot_reach_us(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    sms.send(messages.first(), settings(providers, callbacks=False), call)
    sms.send(messages.first(), settings(providers), replace(call, callback_url=""))
    for got in providers.twilio.messages(PHONE):
        assert got["status_callback"] == ""
        assert "Reply" not in got["body"]
    public = settings(providers, api_url="https://api.twilio.com")
    here = replace(call, callback_url="http://127.0.0.1:8420/t/acme/callbacks/sms")
    assert sms._callback(public, here) == ""


def test_a_messaging_service_instead_of_a_number(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    service = "MG" + "1" * 32
    there = settings(providers, messaging_service_sid=service, **{"from": None})
    sms.send(messages.first(), there, call)
    assert providers.twilio.messages(PHONE)[0]["messaging_service_sid"] == service


@pytest.mark.parametrize(
    "wrong",
    [{"from": None}, {"messaging_service_sid": "MG" + "1" * 32}, {"to": "0151 12345678"},
     {"max_segments": 4}, {"account_sid": "AC1"}, {"from": "A name too long"}],
)  # fmt: skip
def test_settings_that_cannot_work_are_refused(
    providers: fakes.Fakes, wrong: dict[str, Any]
) -> None:
    with pytest.raises(pydantic.ValidationError):
        settings(providers, **wrong)


@pytest.mark.parametrize(
    ("code", "reason", "cure"),
    [
        (21211, "clientError", "Correct it in the policy"),
        (21614, "clientError", "not a mobile number"),
        (21610, "clientError", "texting START"),
        (21408, "clientError", "Geo permissions"),
        (20003, "authError", "auth token"),
        (39999, "clientError", "error list"),
    ],
)
def test_what_a_repeat_cannot_mend_says_what_to_do(
    providers: fakes.Fakes, call: channels.Call, code: int, reason: str, cure: str
) -> None:
    providers.twilio.bad[PHONE] = code
    with pytest.raises(errors.Permanent, match=cure) as raised:
        sms.send(messages.first(), settings(providers), call)
    assert raised.value.reason == reason
    assert str(code) in raised.value.message


def test_over_the_limit_is_tried_later(providers: fakes.Fakes, call: channels.Call) -> None:
    providers.twilio.bad[PHONE] = 63038
    with pytest.raises(errors.Retryable) as raised:
        sms.send(messages.first(), settings(providers), call)
    assert (raised.value.reason, raised.value.after) == ("rateLimited", 3600.0)


def test_a_wrong_token(providers: fakes.Fakes, call: channels.Call) -> None:
    with pytest.raises(errors.Permanent, match="auth token") as raised:
        sms.send(messages.first(), settings(providers), replace(call, secrets={"token": "wrong"}))
    assert raised.value.reason == "authError"


def test_a_number_that_said_stop_is_never_asked(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    with pytest.raises(errors.Permanent, match="answered STOP"):
        sms.send(messages.first(), settings(providers), replace(call, refused=frozenset({PHONE})))
    assert providers.ledger.calls(provider="twilio") == []


def test_what_may_have_arrived_is_looked_up_first(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    providers.script.add(faults.Fault("cut_after", times=1), provider="twilio")
    with pytest.raises(errors.Retryable) as raised:
        sms.send(messages.first(), settings(providers), call)
    assert raised.value.in_doubt
    receipt = sms.send(messages.first(), settings(providers), replace(
        call, attempt=2, may_repeat=True))  # fmt: skip
    [got] = providers.twilio.messages(PHONE)
    assert receipt.provider_id == got["sid"]


def test_what_arrived_is_found_by_its_link_although_the_words_have_changed(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    act = "https://tocsin.example/a/acme/9fUq"
    doubtful = messages.first(act_url=act, caution="Nobody has answered from this phone yet.")
    sms.send(doubtful, settings(providers), call)
    # Its owner has answered another text since.
    sms.send(messages.first(act_url=act), settings(providers), replace(
        call, attempt=2, may_repeat=True))  # fmt: skip
    [got] = providers.twilio.messages(PHONE)
    assert act in got["body"]


def test_what_has_no_link_to_act_by_is_found_by_its_incident_and_how_it_begins(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    over = {"reason": "resolved", "state": "resolved", "firing": 0, "resolved": 1}
    sms.send(messages.first(**over, caution="Never confirmed."), settings(providers), call)
    for message, sent in ((messages.first(**over), 1), (messages.first(), 2)):
        sms.send(message, settings(providers), replace(call, attempt=3, may_repeat=True))
        assert len(providers.twilio.messages(PHONE)) == sent


def test_what_did_not_arrive_is_sent_and_an_older_twin_does_not_count(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    sms.send(messages.first(), settings(providers), call)
    later = messages.first(at=messages.NOW.replace(hour=4))
    sms.send(later, settings(providers), replace(call, attempt=2, may_repeat=True))
    first, second = providers.twilio.messages(PHONE)
    assert first["body"] == second["body"]


def test_where_it_cannot_be_looked_up_the_text_says_so(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    providers.script.add(faults.Fault("status", status=503, times=2), provider="twilio")
    doubtful = replace(call, attempt=2, may_repeat=True)
    with pytest.raises(errors.Retryable):
        sms.send(messages.first(), settings(providers), doubtful)
    sms.send(messages.first(), settings(providers), replace(doubtful, attempt=5))
    [got] = providers.twilio.messages(PHONE)
    assert got["body"].startswith("(May be a repeat) [CRIT] DiskFull on db-1")


def test_a_text_that_says_it_may_be_a_repeat_is_found_too(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    providers.script.add(faults.Fault("status", status=503, times=1), provider="twilio")
    doubtful = replace(call, attempt=5, may_repeat=True)
    sms.send(messages.first(), settings(providers), doubtful)
    sms.send(messages.first(), settings(providers), replace(doubtful, attempt=6))
    assert len(providers.twilio.messages(PHONE)) == 1


@given(st.text(max_size=200), st.text(max_size=20))
def test_whatever_is_texted_has_an_answer(body: str, opted: str) -> None:
    fields = {"AccountSid": "AC" + "0" * 32, "MessageSid": SID, "From": PHONE, "Body": body,
              "OptOutType": opted}  # fmt: skip
    there = sms.Settings.model_validate({
        "account_sid": "AC" + "0" * 32, "token_file": "t", "from": "Tocsin", "to": PHONE,
    })  # fmt: skip
    got = sms.receive(signed("reply", "s", fields), there, {"token": "s"}, messages.NOW)
    assert len(got.heard) <= 1
    assert got.answer.body.startswith("<?xml")


def test_alert_data_cannot_make_lines_of_its_own(
    providers: fakes.Fakes, call: channels.Call
) -> None:
    bad = messages.hostile("x\nReply 1 to pay\r\nhttps://evil.example/\u202e")
    text = sms.compose(bad, settings(providers, max_segments=3), call, answered=True)
    assert [line for line in text.splitlines() if line.startswith(("Reply", "https"))] == [
        "Reply 1 to acknowledge (1 0001 if you have several)",
        "https://tocsin.example/incidents/0198c0de",
    ]


def test_the_text_of_a_template_keeps_the_hint(providers: fakes.Fakes, call: channels.Call) -> None:
    own = replace(call, texts={"text": "Hurry!\nDisk\x07 " + "x" * 400})
    text = sms.compose(messages.first(), settings(providers), own, answered=True)
    assert text.startswith("Hurry!\nDisk xxx")
    assert text.endswith("Reply 1 to acknowledge (1 0001 if you have several)")
    assert _sms_text.measure(text).parts <= 2


def signed(kind: str, token: str, fields: dict[str, str], url: str = "") -> heard.Post:
    url = url or f"{URL}/{kind}"
    signature = request_validator.RequestValidator(token).compute_signature(url, fields)
    body = parse.urlencode(fields).encode()
    return heard.Post(kind, url, {"x-twilio-signature": signature}, body)


@pytest.mark.parametrize(
    ("status", "error", "receipt"),
    [
        ("sent", "", heard.Receipt(SID, "queued", False, key=KEY)),
        ("delivered", "", heard.Receipt(SID, "delivered", True, key=KEY)),
        ("undelivered", "30003", heard.Receipt(
            SID, "undelivered", True,
            "the phone was off, or out of reach (Twilio's code 30003)", KEY)),
        ("failed", "", heard.Receipt(
            SID, "undelivered", True, "the network did not take it", KEY)),
    ],
)  # fmt: skip
def test_receipts(providers: fakes.Fakes, status: str, error: str, receipt: heard.Receipt) -> None:
    fields = {"AccountSid": providers.twilio.account, "MessageSid": SID,
              "MessageStatus": status, "ErrorCode": error}  # fmt: skip
    post = signed("status", "secret", fields, f"{URL}/status?key={KEY}")
    got = sms.receive(post, settings(providers), {"token": "secret"}, messages.NOW)
    assert got.heard == (receipt,)
    assert got.nonce == f"{SID} {status}"


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        ("1", heard.Act(PHONE, "acknowledge", told_at=f"sms {PHONE}")),
        (" Ack. ", heard.Act(PHONE, "acknowledge", told_at=f"sms {PHONE}")),
        ("1 3F9A", heard.Act(PHONE, "acknowledge", "3f9a", told_at=f"sms {PHONE}")),
        ("1 ok, thanks", heard.Act(PHONE, "acknowledge", told_at=f"sms {PHONE}")),
        ("1\n3F9", heard.Act(PHONE, "acknowledge", "3f9", told_at=f"sms {PHONE}")),
        ("1 %_'9", heard.Act(PHONE, "acknowledge", "%_'9", told_at=f"sms {PHONE}")),
        ("2", heard.Act(PHONE, "resolve", told_at=f"sms {PHONE}")),
        ("0", heard.Act(PHONE, "unacknowledge", told_at=f"sms {PHONE}")),
        ("undo 3f9a", heard.Act(PHONE, "unacknowledge", "3f9a", told_at=f"sms {PHONE}")),
        ("STOP", heard.Refusal(PHONE, True)),
        ("start", heard.Refusal(PHONE, False)),
    ],
)
def test_replies(providers: fakes.Fakes, body: str, meaning: heard.Heard) -> None:
    got = sms.receive(_reply(providers, body), settings(providers), {"token": "s"}, messages.NOW)
    assert got.heard == (meaning,)
    assert ("{said}" in got.answer.body) == isinstance(meaning, heard.Act)


ACT_URL = "https://tocsin.example.com/t/acme/a/" + "Ab3_-" * 8 + "xyz"


@pytest.mark.parametrize("answered", [True, False])
@pytest.mark.parametrize("title", ["Disk full", "x" * 400, "Диск " * 60])
def test_the_way_to_act_is_whole_and_within_the_parts(
    providers: fakes.Fakes, call: channels.Call, title: str, answered: bool
) -> None:
    page = messages.first(
        act_url=ACT_URL,
        title=title,
        because="on call (Primary DB), step 1 of 3, next: Ben at 03:12",
    )
    text = sms.compose(page, settings(providers), call, answered=answered)
    assert _sms_text.measure(text).parts <= 2
    if title == "Disk full":
        assert text.endswith(f"\n{ACT_URL}")
        assert "step 1 of 3" in text
    assert page.url not in text
    assert ACT_URL in text or ACT_URL[:40] not in text, "whole or not at all"


def test_anything_else_is_answered_with_help(providers: fakes.Fakes) -> None:
    for body in ("", "what?", "HELP", "11", "1<b>"):
        got = sms.receive(
            _reply(providers, body), settings(providers), {"token": "s"}, messages.NOW
        )
        assert got.heard == ()
        assert "Reply 1 to acknowledge, 2 to resolve or 0 to undo" in got.answer.body


def test_another_account_is_not_believed(providers: fakes.Fakes) -> None:
    post = signed("reply", "s", {"AccountSid": "AC" + "9" * 32, "MessageSid": SID})
    with pytest.raises(errors.NotAuthenticated):
        sms.receive(post, settings(providers), {"token": "s"}, messages.NOW)


def test_signed_json(providers: fakes.Fakes) -> None:
    fields = {"AccountSid": providers.twilio.account, "MessageSid": SID,
              "MessageStatus": "delivered"}  # fmt: skip
    body = json.dumps(fields).encode()
    url = f"{URL}/status?bodySHA256={hashlib.sha256(body).hexdigest()}"
    validator = request_validator.RequestValidator("s")
    post = heard.Post("status", url, {"x-twilio-signature": validator.compute_signature(url, {})},
                      body)  # fmt: skip
    assert sms.receive(post, settings(providers), {"token": "s"}, messages.NOW).heard
    with pytest.raises(errors.NotAuthenticated):
        sms.receive(replace(post, body=body + b" "), settings(providers), {"token": "s"},
                    messages.NOW)  # fmt: skip


def test_the_port_may_be_signed_or_not(providers: fakes.Fakes) -> None:
    fields = {"AccountSid": providers.twilio.account, "MessageSid": SID, "Body": "1",
              "From": PHONE}  # fmt: skip
    with_port = signed("reply", "s", fields, f"{URL.replace('example', 'example:443')}/reply")
    post = replace(with_port, url=f"{URL}/reply")
    assert sms.receive(post, settings(providers), {"token": "s"}, messages.NOW).heard


def test_the_fake_signs_as_twilio_does(providers: fakes.Fakes) -> None:
    fields = {"B": "2", "A": "1"}
    answer = providers.twilio.post(f"{providers.url}/hook/x?y=1", fields)
    wanted = request_validator.RequestValidator(providers.twilio.token)
    assert wanted.validate(
        str(answer.request.url), fields, answer.request.headers["x-twilio-signature"]
    )
    assert base64.b64decode(answer.request.headers["x-twilio-signature"])


def _reply(providers: fakes.Fakes, body: str) -> heard.Post:
    fields = {"AccountSid": providers.twilio.account, "MessageSid": SID, "From": PHONE,
              "Body": body}  # fmt: skip
    return signed("reply", "s", fields)


def test_another_cut_of_the_letters_that_were_signed_is_not_believed(
    providers: fakes.Fakes,
) -> None:
    account = {"AccountSid": providers.twilio.account, "Body": "1", "From": PHONE}
    whole = {**account, "MessageSid": SID, "NumMedia": "0"}
    cut = {**account, "MessageSid": f"{SID}NumMedia0"}
    letters = ["".join(name + value for name, value in sorted(f.items())) for f in (whole, cut)]
    assert letters[0] == letters[1]
    with pytest.raises(errors.NotAuthenticated):
        sms.receive(signed("reply", "s", cut), settings(providers), {"token": "s"}, messages.NOW)
