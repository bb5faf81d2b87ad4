"""Buttons in Slack: what is shown, which presses are believed. Slack's SDK is the other side."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib import parse

import pydantic
import pytest
from slack_sdk import signature

from channels import _slack_blocks, slack
from schemas import heard
from tests.channels import messages
from tocsin import errors

SECRETS = {"token": "xoxb-1", "signing_secret": "8f742231b10e8888abcd99yyyzzz85a5"}
INCIDENT = messages.first().incident_id
GOLDEN = Path(__file__).parent / "golden" / "slack_buttons.json"
THERE = slack.Settings(channel="C0OPS", token_file="bot", signing_secret_file="signing")


class Clock(signature.Clock):
    def now(self) -> float:
        return messages.NOW.timestamp()


def post(payload: object, **changed: Any) -> heard.Post:
    """An interaction as Slack's own library signs it."""
    body = parse.urlencode({"payload": json.dumps(payload)}).encode()
    sent = str(int(messages.NOW.timestamp()))
    made = signature.SignatureVerifier(SECRETS["signing_secret"], Clock()).generate_signature(
        timestamp=sent, body=body
    )
    headers = {"x-slack-request-timestamp": sent, "x-slack-signature": made or ""}
    url = "https://tocsin.example/t/acme/callbacks/slack/actions"
    return replace(heard.Post("actions", url, headers, body), **changed)


def press(action: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "block_actions", "user": {"id": "U0ANNA", "username": "anna"},
            "actions": [action], "response_url": "https://hooks.slack.com/actions/T0/1/x",
            **more}  # fmt: skip


ACK = {"action_id": "tocsin_acknowledge", "type": "button", "value": INCIDENT}


def take(given: heard.Post, settings: slack.Settings = THERE) -> heard.Received:
    return slack.receive(given, settings, SECRETS, messages.NOW)


def test_buttons_are_as_kept() -> None:
    """Open: all but undo; acknowledged: undo in place of acknowledging; resolved: none."""
    shown = {
        state: _slack_blocks.blocks(messages.first(state=state), "en", buttons=True)[-1]
        for state in ("open", "acknowledged", "resolved")
    }
    assert shown == json.loads(GOLDEN.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("action", "act", "lasts"),
    [("tocsin_undo", "unacknowledge", None), ("tocsin_snooze", "snooze", timedelta(minutes=30))],
)
def test_undo_and_snooze(action: str, act: str, lasts: timedelta | None) -> None:
    [meant] = take(post(press({"action_id": action, "value": INCIDENT}))).heard
    assert isinstance(meant, heard.Act)
    assert (meant.act, meant.incident, meant.lasts) == (act, INCIDENT, lasts)


def test_a_page_to_a_person_has_a_button_that_needs_no_secret() -> None:
    url = "https://tocsin.example/t/acme/a/x"
    page = messages.first(act_url=url)
    beside = _slack_blocks.blocks(page, "en", buttons=True)[-1]["elements"]
    assert [each["action_id"] for each in beside][-1] == "tocsin_open"
    [alone] = _slack_blocks.blocks(page, "en", buttons=False)[-1]["elements"]
    assert (alone["url"], alone["style"]) == (url, "primary")
    over = messages.first(act_url=url, state="resolved", firing=0)
    assert _slack_blocks.blocks(over, "en")[-1]["type"] != "actions"
    assert take(post(press({"action_id": "tocsin_open"}))).heard == ()


def test_no_secret_no_buttons() -> None:
    assert THERE.has_buttons
    assert not THERE.model_copy(update={"actions": "off"}).has_buttons
    assert not THERE.model_copy(update={"signing_secret_file": None}).has_buttons
    blocks = _slack_blocks.blocks(messages.first(), "en")
    assert [block["type"] for block in blocks if block["type"] == "actions"] == []


def test_a_press_is_an_act_of_the_one_who_pressed() -> None:
    got = take(post(press(ACK)))
    assert got.heard == (heard.Act("U0ANNA", "acknowledge", INCIDENT, name="anna"),)
    assert got.answer.tell_url == "https://hooks.slack.com/actions/T0/1/x"
    assert json.loads(got.answer.tell)["response_type"] == "ephemeral"
    assert got.nonce.startswith("v0=")


@pytest.mark.parametrize(
    ("value", "now", "zone", "lasts"),
    [
        ("1h", "2026-03-07T03:07:00+00:00", "UTC", timedelta(hours=1)),
        ("4h", "2026-03-07T03:07:00+00:00", "UTC", timedelta(hours=4)),
        ("morning", "2026-03-07T03:07:00+00:00", "UTC", timedelta(hours=4, minutes=53)),
        ("morning", "2026-03-07T08:00:00+00:00", "UTC", timedelta(hours=24)),
        ("morning", "2026-03-07T23:30:00+00:00", "Europe/Berlin", timedelta(hours=7, minutes=30)),
        # The night in which the clocks go forward is an hour shorter.
        ("morning", "2026-03-28T23:00:00+00:00", "Europe/Berlin", timedelta(hours=7)),
        ("morning", "2026-10-24T22:00:00+00:00", "Europe/Berlin", timedelta(hours=9)),
    ],
)
def test_how_long_a_silence_lasts(value: str, now: str, zone: str, lasts: timedelta) -> None:
    chosen = {"action_id": "tocsin_silence", "selected_option": {"value": f"{value} {INCIDENT}"}}
    moment = datetime.fromisoformat(now).astimezone(UTC)
    payload = post(press(chosen))
    sent = str(int(moment.timestamp()))
    made = signature.SignatureVerifier(SECRETS["signing_secret"]).generate_signature(
        timestamp=sent, body=payload.body
    )
    headers = {"x-slack-request-timestamp": sent, "x-slack-signature": made or ""}
    settings = THERE.model_copy(update={"timezone": zone})
    got = slack.receive(replace(payload, headers=headers), settings, SECRETS, moment)
    [act] = got.heard
    assert isinstance(act, heard.Act)
    assert (act.act, act.incident, act.lasts) == ("silence", INCIDENT, lasts)


@pytest.mark.parametrize(
    "url",
    ["https://hooks.slack.com.evil.example/x", "http://hooks.slack.com/x", "https://evil.example",
     "https://hooks.slack.com@evil.example/", "https://hooks.slack.com:444/", "", "https://[",
     "http://169.254.169.254/"],
)  # fmt: skip
def test_answers_go_to_slack_only(url: str) -> None:
    assert take(post(press(ACK, response_url=url))).answer.tell_url == ""


@pytest.mark.parametrize(
    "payload",
    [
        [], "x", 1, None, {}, {"type": "view_submission"},
        press({"action_id": "other"}), press({"action_id": "tocsin_silence"}),
        press({"action_id": "tocsin_silence", "selected_option": {"value": "99h x"}}),
        press(ACK, user=None), press(ACK, user={"id": 5}), press(ACK, actions={"a": 1}),
    ],
)  # fmt: skip
def test_what_means_nothing_does_nothing(payload: object) -> None:
    assert take(post(payload)).heard == ()


@pytest.mark.parametrize("seconds", [-301, 301, 10**9])
def test_old_and_future_posts_are_not_believed(seconds: int) -> None:
    with pytest.raises(errors.NotAuthenticated):
        slack.receive(post(press(ACK)), THERE, SECRETS, messages.NOW + timedelta(seconds=seconds))


def test_other_kinds_and_channels_without_buttons_take_nothing() -> None:
    with pytest.raises(errors.NotAuthenticated):
        take(post(press(ACK), kind="events"))
    with pytest.raises(errors.NotAuthenticated):
        take(post(press(ACK)), THERE.model_copy(update={"actions": "off"}))


def test_a_time_zone_that_is_none() -> None:
    for name in ("Mars/Phobos", "", "../../etc/passwd", "/etc/localtime"):
        with pytest.raises(pydantic.ValidationError, match="not a time zone"):
            slack.Settings(channel="C0OPS", token_file="bot", timezone=name)
