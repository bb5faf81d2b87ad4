"""What every channel shows of why just this reader is told, by their clock; and test pages."""

from __future__ import annotations

import json
from typing import Any

import pytest

import channels
from channels import _mail_view, _slack_blocks, sms, webhook
from schemas.message import Message
from tests.channels import messages

BECAUSE = "on call (Primary DB), step 1 of 3, next: Ben at 04:12"
CAUTION = "This number has never been confirmed."
MINE: dict[str, Any] = {
    "because": BECAUSE, "why": f"{BECAUSE}. route team=db", "zone": "Europe/Berlin",
    "caution": CAUTION, "notes": [CAUTION],
}  # fmt: skip
TEST: dict[str, Any] = {
    "code": "012345", "title": "Test page for Anna: the code is 012345", "severity": "none",
    "alerts": [], "firing": 0, "url": "", "runbook": None, "group_labels": {},
    "why": "ann tests it. Confirm: tocsin person verify anna sms 012345",
}  # fmt: skip


def shown(channel: str, message: Message) -> str:
    """All that a reader of this channel may see, as one line."""
    if channel == "sms":
        call = channels.Call(key="k", secrets={}, http=None, now=messages.NOW)  # type: ignore[arg-type]
        settings = sms.Settings.model_validate({
            "account_sid": "AC" + "0" * 32, "token_env": "t", "from": "+15550100001",
            "to": "+4915112345678", "max_segments": 3,
        })  # fmt: skip
        text = sms.compose(message, settings, call, answered=True)
    elif channel == "slack":
        blocks = _slack_blocks.blocks(message, "en", buttons=True)
        text = json.dumps(blocks, ensure_ascii=False)
    elif channel == "webhook":
        text = json.dumps(webhook.body(message))
    else:
        text = " ".join(channels.own_words(channel, message, "en").values())
    return " ".join(text.split())


#: The probe tells nobody anything.
CHANNELS = sorted(channels.REGISTRY.keys() - {"probe"})


@pytest.mark.parametrize("channel", CHANNELS)
def test_why_just_they_are_told_and_that_the_way_is_unproven(channel: str) -> None:
    text = shown(channel, messages.first(**MINE))
    assert BECAUSE in text
    assert CAUTION in text


def test_a_text_says_it_once() -> None:
    text = shown("sms", messages.first(**MINE))
    assert text.count("step 1 of 3") == 1
    assert "route team=db" not in text


@pytest.mark.parametrize("channel", ["sms", "slack", "email", "sendgrid"])
def test_times_are_those_of_the_readers_clock(channel: str) -> None:
    assert "04:07 CET" in shown(channel, messages.first(**MINE))
    assert "03:07 UTC" in shown(channel, messages.first())


@pytest.mark.parametrize("channel", CHANNELS)
def test_a_test_page_says_that_nothing_is_wrong_and_how_to_confirm(channel: str) -> None:
    text = shown(channel, messages.first(**TEST))
    assert "Test page for Anna: the code is 012345" in text
    assert "tocsin person verify anna sms 012345" in text
    for alarming in ("It fires", "CRIT", "Reply 1", "Acknowledge", "0 alerts", "receiver ops"):
        assert alarming not in text


def test_a_letter_of_a_test_page_names_it_so() -> None:
    view = _mail_view.view(messages.first(**TEST), "en", ())
    assert (view.word, view.tone) == ("Test page", "none")
    assert view.change == "This is only a test: nothing is wrong."
