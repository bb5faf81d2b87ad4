"""Slack: ours speaks as a bot, not through an incoming webhook, which cannot change a message."""

from __future__ import annotations

import re
from typing import Any

from tocsin.config.importing import wording
from tocsin.config.importing.secrets import Files
from tocsin.config.importing.source import Part

_CHANNEL = re.compile(r"#?[^\s<>&@#,{}]{1,80}")
_BOT = (
    "make a Slack app with the scope chat:write, invite it into the channel, and write its bot"
    " token (xoxb-...)"
)
_WEBHOOK = (
    "an incoming webhook cannot change a message, so Tocsin speaks as a bot: the address is not"
    " needed any more"
)
_LOOK = {
    "color": "the colour follows the severity",
    "username": "it speaks under the name of the app",
    "icon_emoji": "it has the picture of the app",
    "icon_url": "it has the picture of the app",
    "link_names": "values of alerts never mention anybody",
    "fallback": "the title is said there",
    "pretext": "there is no place for it: put it into the template",
    "footer": "there is no place for it: put it into the template",
    "title_link": "the title leads to the incident",
    "short_fields": "there are no fields",
    "fields": "what the alerts share stands there by itself; else put them into the template",
    "actions": "there are buttons that acknowledge, snooze and silence; links go into the template",
    "callback_id": "there are buttons of its own",
    "image_url": "pictures are not shown",
    "thumb_url": "pictures are not shown",
    "mrkdwn_in": "the template is mrkdwn",
    "message_text": "the title is said there",
    "update_message": "the message is always kept up to date",
    "http_config": "how to get out of your network is an affair of the installation",
    "timeout": "Tocsin has one of its own",
}


def made(part: Part, general: Part, receiver: str, files: Files) -> tuple[list[Any], wording.Texts]:
    """One integration; none where the channel cannot be known."""
    channel = part.get("channel")
    name = (channel.text() or "") if channel else ""
    texts = {key: found for key in ("title", "text") if (found := part.get(key)) and found.text()}
    send_resolved = part.flag("send_resolved", False)
    for key, said in _LOOK.items():
        if found := part.get(key):
            found.note("left_out", said)
    if not _CHANNEL.fullmatch(name):
        part.note("left_out", "the channel is made by a template: write a receiver for each channel"
                  if "{{" in name else "it names no channel: find out which one its address leads"
                  " to and write it as `channel`")  # fmt: skip
        return [], {}
    token = _token(part, general, files)
    made = {"channel": name, "token_file": token, "send_resolved": send_resolved}
    return [made], texts


def _token(part: Part, general: Part, files: Files) -> str:
    """Newer ones have the token of an app; all others an address."""
    app = files.either(part, "app_token", "slack") or files.either(
        general, "slack_app_token", "slack"
    )
    for where, prefix in ((part, ""), (general, "slack_")):
        for key in ("api_url", "api_url_file", "app_url"):
            if (found := where.get(f"{prefix}{key}")) and not app:
                found.note("changed", _WEBHOOK)
    return app or files.missing(part, "slack", _BOT)
