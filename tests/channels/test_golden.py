"""What Slack and webhooks are sent for each type of message, as a whole, to be read by people.

E-mail and SMS have theirs in test_mail.py and test_sms.py. ``UPDATE_GOLDEN=1`` writes them anew;
look at the difference before you commit it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from channels import _slack_blocks, webhook
from schemas import message as messages
from tocsin.i18n import samples

GOLDEN = Path(__file__).parent / "golden"


def slack(message: messages.Message) -> Any:
    """The parent as it stands then, and the line in its thread."""
    return {
        "text": _slack_blocks.headline(message, "en"),
        "blocks": _slack_blocks.blocks(message, "en", buttons=True),
        "thread": _slack_blocks.change(message, "en"),
    }


FORMS: dict[str, Callable[[messages.Message], Any]] = {"slack": slack, "webhook": webhook.body}


@pytest.mark.parametrize("reason", get_args(messages.Reason))
@pytest.mark.parametrize("channel", FORMS)
def test_golden(channel: str, reason: messages.Reason) -> None:
    made = json.dumps(FORMS[channel](samples.message(reason)), indent=1, ensure_ascii=False) + "\n"
    file = GOLDEN / channel / f"{reason}.json"
    if os.environ.get("UPDATE_GOLDEN"):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(made, encoding="utf-8", newline="")
    assert made == file.read_text(encoding="utf-8"), f"{file.name} has changed"
