"""The buttons below a message in Slack, and what is posted to us when one is pressed."""

from __future__ import annotations

import hashlib
import hmac
import json
import zoneinfo
from datetime import datetime, time, timedelta
from typing import Any, Literal, cast
from urllib import parse

from channels import _text
from schemas import heard
from schemas import message as messages
from tocsin import errors, i18n

Block = dict[str, Any]

ACKNOWLEDGE, RESOLVE, SILENCE = "tocsin_acknowledge", "tocsin_resolve", "tocsin_silence"
UNDO, SNOOZE, OPEN = "tocsin_undo", "tocsin_snooze", "tocsin_open"
#: How long a snooze from here lasts.
SNOOZED = timedelta(minutes=30)
#: How long a silence from here lasts; `morning` ends at MORNING in the zone of the settings.
LENGTHS = ("1h", "4h", "morning")
MORNING = time(8)
#: Slack's own advice: a signature that is older may be somebody else's copy. Seconds.
TOLERANCE = 300
#: Where Slack takes what only the one who pressed sees.
_TELLING_HOST = "hooks.slack.com"

_ACTS: dict[str, Literal["acknowledge", "unacknowledge", "resolve", "snooze"]] = {
    ACKNOWLEDGE: "acknowledge",
    UNDO: "unacknowledge",
    RESOLVE: "resolve",
    SNOOZE: "snooze",
}


def block(message: messages.Message, locale: str, act_url: str = "") -> Block:
    """What can be done about an incident that is not over; `act_url` is safe already."""
    incident = message.incident_id
    if message.state == "open":
        first = _button(ACKNOWLEDGE, "acknowledge", incident, locale) | {"style": "primary"}
        elements = [first, _button(RESOLVE, "resolve", incident, locale)]
        elements.append(_button(SNOOZE, "snooze", incident, locale))
    else:
        words = ((RESOLVE, "resolve"), (UNDO, "undo"))
        elements = [_button(action, word, incident, locale) for action, word in words]
    elements.append(_menu(incident, locale))
    if act_url:
        elements.append(_way(act_url, locale))
    return {"type": "actions", "block_id": "tocsin", "elements": elements}


def link(act_url: str, locale: str) -> Block:
    """The one button that works where no press could be believed: it opens a page."""
    elements = [_way(act_url, locale) | {"style": "primary"}]
    return {"type": "actions", "block_id": "tocsin", "elements": elements}


def _way(act_url: str, locale: str) -> Block:
    text = {"type": "plain_text", "text": i18n.say("button.act", locale), "emoji": False}
    return {"type": "button", "action_id": OPEN, "url": act_url, "text": text}


def pressed(
    post: heard.Post, secret: str, now: datetime, timezone: str, api_url: str
) -> heard.Received:
    """What a signed interaction means; raises NotAuthenticated for one that Slack did not sign."""
    signature = _verified(post, secret, now)
    payload = _payload(post.body)
    user = payload.get("user")
    if not isinstance(user, dict) or not isinstance(user.get("id"), str):
        return heard.Received(signature)
    name = _text.plain(str(user.get("username") or user.get("name") or user["id"]), 60)
    acts = [
        act
        for action in _listed(payload.get("actions"))
        if (act := _act(action, user["id"], name, now, timezone))
    ]
    answer = heard.Answer()
    if acts and (url := _telling(str(payload.get("response_url") or ""), api_url)):
        tell = '{"response_type": "ephemeral", "replace_original": false, "text": "{said}"}'
        answer = heard.Answer(tell_url=url, tell=tell)
    return heard.Received(signature, tuple(acts[:1]), answer)


def _verified(post: heard.Post, secret: str, now: datetime) -> str:
    """The signature, which names the post: v0 over the time stamp and the body."""
    sent = post.headers.get("x-slack-request-timestamp", "")
    given = post.headers.get("x-slack-signature", "")
    number = sent.isascii() and sent.isdigit() and len(sent) < 12
    fresh = number and abs(now.timestamp() - int(sent)) <= TOLERANCE
    signed = b"v0:" + sent.encode("latin-1", "replace") + b":" + post.body
    wanted = "v0=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    if not fresh or not hmac.compare_digest(wanted.encode(), given.encode()):
        raise errors.NotAuthenticated
    return wanted


def _payload(body: bytes) -> dict[str, Any]:
    form = dict(parse.parse_qsl(body.decode("utf-8", "replace")))
    try:
        payload = json.loads(form.get("payload", ""))
    except (ValueError, RecursionError):
        return {}
    right = isinstance(payload, dict) and payload.get("type") == "block_actions"
    return payload if right else {}


def _listed(actions: object) -> list[dict[str, Any]]:
    return [each for each in actions if isinstance(each, dict)] if isinstance(actions, list) else []


def _act(
    action: dict[str, Any], user: str, name: str, now: datetime, timezone: str
) -> heard.Act | None:
    which = str(action.get("action_id"))
    if which in _ACTS:
        lasts = SNOOZED if which == SNOOZE else None
        return heard.Act(user, _ACTS[which], str(action.get("value"))[:36], lasts, name)
    if which != SILENCE:
        return None
    chosen = cast("dict[str, Any]", action.get("selected_option") or {})
    length, _, incident = str(chosen.get("value", "")).partition(" ")
    if length not in LENGTHS:
        return None
    return heard.Act(user, "silence", incident[:36], _lasts(length, now, timezone), name)


def _lasts(length: str, now: datetime, timezone: str) -> timedelta:
    if length != "morning":
        return timedelta(hours=int(length.removesuffix("h")))
    zone = zoneinfo.ZoneInfo(timezone)
    local = now.astimezone(zone)
    day = local.date() + timedelta(days=local.time() >= MORNING)
    # By way of UTC: in the night of a change of clocks the difference of wall clocks is wrong.
    return datetime.combine(day, MORNING, zone).astimezone(now.tzinfo) - now


def _telling(url: str, api_url: str) -> str:
    """``url`` if it is Slack's, or of the Slack that the settings name; else nothing."""
    try:
        parts, ours = parse.urlsplit(url), parse.urlsplit(api_url)
        slacks = parts.scheme == "https" and parts.netloc == _TELLING_HOST
        return url if slacks or (parts.scheme, parts.netloc) == ours[:2] else ""
    except ValueError:
        return ""


def _button(action: str, word: str, incident: str, locale: str) -> Block:
    text = {"type": "plain_text", "text": i18n.say(f"button.{word}", locale), "emoji": False}
    return {"type": "button", "action_id": action, "value": incident, "text": text}


def _menu(incident: str, locale: str) -> Block:
    def option(length: str) -> Block:
        text = i18n.say(f"button.silence_{length}", locale)
        return {"text": {"type": "plain_text", "text": text}, "value": f"{length} {incident}"}

    return {
        "type": "static_select",
        "action_id": SILENCE,
        "placeholder": {"type": "plain_text", "text": i18n.say("button.silence", locale)},
        "options": [option(length) for length in LENGTHS],
    }
