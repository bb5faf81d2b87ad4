"""Slack: one message per incident, kept up to date in place, with each change told in its thread.

Slack knows no idempotency key. The key of a delivery is hidden in the metadata of the message, and
after an attempt that was in doubt the channel is searched for it before anything is sent again.
"""

from __future__ import annotations

import contextlib
import json
import logging
import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal
from urllib import request as urllib_request

import slack_sdk
from pydantic import Field, field_validator
from slack_sdk import errors as slack_errors
from slack_sdk.web import slack_response

import channels
from channels import _slack_actions, _slack_blocks
from schemas import heard
from schemas import message as messages
from tocsin import errors, i18n
from tocsin.egress import addresses, exchange

#: Slack allows about one message a second in each channel and some more for a moment.
LIMITS = channels.Limits(per_second=1, burst=3)
CAPABILITIES = channels.Capabilities(update_in_place=True, threads=True)
PARTS: dict[str, channels.Form] = {"text": "mrkdwn"}

EVENT_TYPE = "tocsin"
#: How many of the newest messages are searched for the key.
SEARCHED = 20
THREAD_SEARCHED = 200
#: Up to which attempt a search that fails is a reason to wait.
SEARCH_ATTEMPTS = 4
#: Twenty messages with blocks and metadata do not fit into the usual limit.
_REPLY_BYTES = 512 * 1024

_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})
_AUTH = frozenset(
    {
        "account_inactive",
        "ekm_access_denied",
        "invalid_auth",
        "not_allowed_token_type",
        "not_authed",
        "org_login_required",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
    }
)
_SLOWER = frozenset({"ratelimited", "rate_limited"})
_AGAIN = frozenset({"internal_error", "fatal_error", "request_timeout", "service_unavailable"})
_FORM = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
    }
)
_CURES = {
    "channel_not_found": "Slack knows no channel {channel}, or the bot cannot see it. Check the"
    " name; into a private channel invite the bot with /invite.",
    "not_in_channel": "The bot is not in {channel}. Invite it there with /invite, or give it the"
    " scope chat:write.public.",
    "is_archived": "The channel {channel} is archived. Open it again in Slack or name another one"
    " in the policy.",
    "restricted_action": "The workspace does not let the bot post in {channel}. Ask an owner of"
    " the workspace, or name another channel.",
}

# slack-sdk logs whole messages at DEBUG and each failure at ERROR; the delivery tells of those.
_quiet = logging.getLogger("tocsin.channels.slack.sdk")
_quiet.setLevel(logging.CRITICAL)


class Settings(channels.ChannelSettings):
    """Which channel of which workspace. Repeats are recognised best with a channel id (C...)."""

    CONTACT = channels.Contact("slack", "channel")
    REQUIRED = ("token",)

    channel: str = Field(
        pattern=r"^#?[^\s<>&@#,]{1,80}$", description="The channel's id (`C0123456789`) or name."
    )
    token_file: channels.SecretFile = None
    token_env: channels.SecretEnv = None
    signing_secret_file: channels.SecretFile = None
    signing_secret_env: channels.SecretEnv = None
    actions: Literal["mapped", "anyone", "off"] = Field(
        "mapped",
        description="Who may press the buttons: `people` of the policy, everybody, or nobody.",
    )
    timezone: str = Field("UTC", description="Where `until 8 in the morning` is.")
    api_url: addresses.WebUrl = Field(
        "https://slack.com/api/", description="Another address that speaks Slack's API."
    )

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            zoneinfo.ZoneInfo(name)
        except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
            raise ValueError("not a time zone: write it like Europe/Berlin or UTC") from None
        return name

    @property
    def has_buttons(self) -> bool:
        """Whether messages carry buttons: without the secret no press could be believed."""
        return self.actions != "off" and bool(self.signing_secret_file or self.signing_secret_env)


def destination(settings: Settings) -> str:
    """The channel, and which token leads there: two workspaces may both have an #ops."""
    return f"slack {settings.channel} ({settings.token_file or settings.token_env})"


def send(message: messages.Message, settings: Settings, call: channels.Call) -> channels.Receipt:
    """Bring the message of this line up to date, or post the first one."""
    try:
        return _send(_Client(settings, call), message, settings, call)
    except slack_errors.SlackApiError as refused:
        raise _problem(refused, settings, call) from None


def own_words(message: messages.Message, locale: str) -> dict[str, str]:
    """The facts and alerts below the header, as they read."""
    return {"text": _slack_blocks.read_aloud(_slack_blocks.blocks(message, locale))}


def receive(
    post: heard.Post, settings: Settings, secrets: Mapping[str, str], now: datetime
) -> heard.Received:
    """A button that somebody pressed below a message (``actions``)."""
    if post.kind != "actions" or not settings.has_buttons:
        raise errors.NotAuthenticated
    return _slack_actions.pressed(
        post, secrets["signing_secret"], now, settings.timezone, settings.api_url
    )


class _ParentGone(Exception):
    """The message that should be changed is not there any more."""


class _Client(slack_sdk.WebClient):
    """slack-sdk without its own network, which follows redirects and uses proxies."""

    def __init__(self, settings: Settings, call: channels.Call) -> None:
        token = call.secrets["token"]
        super().__init__(token, settings.api_url, retry_handlers=[], logger=_quiet)
        self._call = call

    def _perform_urllib_http_request_internal(
        self, url: str, req: urllib_request.Request
    ) -> dict[str, Any]:
        content = req.data if isinstance(req.data, bytes) else b""
        headers = dict(req.header_items())
        reply = exchange.post(
            self._call.http, url, content, headers, now=self._call.now, body_needed=True,
            reply_bytes=_REPLY_BYTES,
        )  # fmt: skip
        try:
            readable = isinstance(json.loads(reply.body), dict)
        except ValueError:
            readable = False
        if not readable:
            text = "Slack took the message but its answer cannot be read; it may have arrived."
            raise errors.Retryable(text, reason="serverError", in_doubt=True)
        return {"status": reply.status, "headers": reply.headers, "body": reply.body.decode()}


def _send(
    client: _Client, message: messages.Message, settings: Settings, call: channels.Call
) -> channels.Receipt:
    ref = call.ref or {}
    if lost := ref.get("doubt"):
        found, _ = _search(client, call, settings.channel, key=lost)
        ref = _receipt(found).ref or {} if found else {}
    if {"channel", "ts"} <= ref.keys():
        with contextlib.suppress(_ParentGone):
            return _follow(client, message, settings, call, ref)
    return _first(client, message, settings, call)


def _first(
    client: _Client, message: messages.Message, settings: Settings, call: channels.Call
) -> channels.Receipt:
    notes: tuple[str, ...] = ()
    if call.may_repeat and call.attempt > 1:
        found, sure = _search(client, call, settings.channel)
        if found:
            return _receipt(found)
        notes = () if sure else (i18n.say("message.may_be_repeat", call.locale),)
    text = " ".join([_slack_blocks.headline(message, call.locale), *notes])
    blocks = _slack_blocks.blocks(message, call.locale, notes, buttons=settings.has_buttons)
    return _receipt(_post(client, call, channel=settings.channel, text=text, blocks=blocks))


def _follow(
    client: _Client, message: messages.Message, settings: Settings, call: channels.Call,
    ref: dict[str, str],
) -> channels.Receipt:  # fmt: skip
    """Change the parent in place, which may be done twice, then tell the change below it."""
    channel, ts = ref["channel"], ref["ts"]
    ref = {"channel": channel, "ts": ts}
    changed = _slack_blocks.headline(message, call.locale)
    blocks = _slack_blocks.blocks(message, call.locale, buttons=settings.has_buttons)
    try:
        _say(client, "chat.update", call, channel=channel, ts=ts, text=changed, blocks=blocks)
    except slack_errors.SlackApiError as refused:
        if _code(refused) in _GONE:
            raise _ParentGone from None
        raise
    if message.reason == "acknowledged":
        return channels.Receipt(ref, ts)
    text = _slack_blocks.change(message, call.locale)
    if call.may_repeat and call.attempt > 1:
        found, sure = _search(client, call, channel, thread=ts)
        if found:
            return channels.Receipt(ref, str(found["ts"]))
        text = text if sure else f"{text} {i18n.say('message.may_be_repeat', call.locale)}"
    reply = _post(client, call, channel=channel, thread_ts=ts, text=text)
    return channels.Receipt(ref, str(reply.get("ts") or ""))


def _post(client: _Client, call: channels.Call, **what: Any) -> dict[str, Any]:
    return _say(client, "chat.postMessage", call, unfurl_links=False, unfurl_media=False, **what)


def _say(client: _Client, method: str, call: channels.Call, **what: Any) -> dict[str, Any]:
    """Send with blocks and key; where Slack finds fault with those, the bare text must do."""
    if blocks := what.get("blocks"):
        what["blocks"] = _slack_blocks.worded(blocks, call.texts.get("text", ""))
    metadata = {"event_type": EVENT_TYPE, "event_payload": {"key": call.key}}
    what |= {"link_names": False, "parse": "none"}
    try:
        return _data(client.api_call(method, json={**what, "metadata": metadata}))
    except slack_errors.SlackApiError as refused:
        if _code(refused) not in _FORM:
            raise
        what.pop("blocks", None)
        return _data(client.api_call(method, json=what))


def _search(
    client: _Client,
    call: channels.Call,
    channel: str,
    thread: str | None = None,
    key: str | None = None,
) -> tuple[dict[str, Any] | None, bool]:
    """The message with our key, if it is there, and whether we could look at all."""
    where: dict[str, Any] = {"channel": channel, "limit": SEARCHED, "include_all_metadata": True}
    method = "conversations.history"
    if thread:
        # A thread is told from its beginning, so the newest need a longer page.
        method, where = "conversations.replies", where | {"ts": thread, "limit": THREAD_SEARCHED}
    try:
        data = _data(client.api_call(method, http_verb="GET", params=where))
    except (slack_errors.SlackApiError, errors.Retryable) as failed:
        # Looking again in a moment beats sending twice, but sending twice beats not sending.
        if call.attempt <= SEARCH_ATTEMPTS and _passing(failed):
            raise
        return None, False
    for found in data.get("messages") or ():
        # The parent of a thread carries the key too, from its own change in place.
        if found.get("ts") != thread and _key(found) == (key or call.key):
            return {"channel": channel, **found}, True
    return None, not (thread and data.get("has_more"))


def _passing(failed: Exception) -> bool:
    """Whether this goes by; missing_scope, or a channel given by name, does not."""
    if isinstance(failed, slack_errors.SlackApiError):
        return _code(failed) in _AGAIN | _SLOWER
    return True


def _key(found: dict[str, Any]) -> str | None:
    payload = (found.get("metadata") or {}).get("event_payload") or {}
    key = payload.get("key")
    return key if isinstance(key, str) else None


def _receipt(data: dict[str, Any]) -> channels.Receipt:
    channel, ts = data.get("channel"), data.get("ts")
    if not isinstance(channel, str) or not isinstance(ts, str):
        return channels.Receipt(ref=None, provider_id="")
    return channels.Receipt({"channel": channel, "ts": ts}, ts)


def _data(response: slack_response.SlackResponse) -> dict[str, Any]:
    return response.data if isinstance(response.data, dict) else {}


def _code(refused: slack_errors.SlackApiError) -> str:
    """Slack's word for what is wrong; only its usual letters, for it goes into our sentences."""
    word = str(refused.response.get("error") or "unknown")
    return "".join(char for char in word if char.isascii() and (char.isalnum() or char == "_"))[:60]


def _problem(
    refused: slack_errors.SlackApiError, settings: Settings, call: channels.Call
) -> errors.TocsinError:
    code = _code(refused)
    if code in _SLOWER:
        text = f"Slack is asked too often for {settings.channel}."
        headers = {name.lower(): value for name, value in refused.response.headers.items()}
        after = exchange.retry_after(headers.get("retry-after"), call.now)
        return errors.Retryable(text, reason="rateLimited", after=after)
    if code in _AGAIN:
        # Slack's documentation: parts of it may have been done before the error.
        text = f"Slack failed with {code}; the message may have arrived."
        return errors.Retryable(text, reason="serverError", in_doubt=True)
    if code in _CURES:
        return errors.Permanent(_CURES[code].format(channel=settings.channel), reason="configError")
    if code in _AUTH:
        text = f"Slack does not accept the token ({code}). Install the app again, store its token."
        return errors.Permanent(text, reason="authError")
    if code == "missing_scope":
        text = (
            "The token lacks a scope. Give the app chat:write, install it again, store the token."
        )
        return errors.Permanent(text, reason="authError")
    return errors.Permanent(f"Slack refused the message: {code}.", reason="clientError")
