"""E-mail by SendGrid's API, and what its signed event webhook says became of it.

SendGrid knows no idempotency key: a repeat is a second letter, with the same ``Message-ID`` where
SendGrid keeps ours, and it says that it may be one.
"""

from __future__ import annotations

import base64
import json
from datetime import datetime
from typing import Any

from pydantic import Field, field_validator

import channels
from channels import _mail, _sendgrid_events
from schemas import heard
from schemas import message as messages
from tocsin import errors
from tocsin.egress import addresses, exchange

LIMITS = _mail.LIMITS
CAPABILITIES = channels.Capabilities(threads=True)
PARTS = _mail.PARTS
own_words = _mail.own_words

_CURES = {
    400: "SendGrid found fault with the message. Check `from`, `to` and `reply_to`.",
    401: "SendGrid does not accept the API key. Make one and store it.",
    403: "SendGrid does not let this API key send as this sender. Give the key the permission Mail"
    " Send, and verify the address or the domain of `from` (Sender Authentication).",
    413: "The message is too large for SendGrid. Attach less.",
}


class Settings(channels.ChannelSettings):
    """A sender that SendGrid has verified, and those who get the letter; they see each other."""

    CONTACT = channels.Contact("email", "to")
    REQUIRED = ("api_key",)

    api_key_file: channels.SecretFile = None
    api_key_env: channels.SecretEnv = None
    sender: _mail.Sender = Field(alias="from", description="Such as `Tocsin <alerts@example.org>`.")
    to: _mail.Recipients = Field(description="Up to 20 addresses, which see each other.")
    reply_to: _mail.Address | None = Field(None, description="Where answers go.")
    attach: _mail.Attach = Field((), description="Alerts as files: `csv`, `json`.")
    api_url: addresses.BaseUrl = Field(
        "https://api.sendgrid.com", description="Another address that speaks SendGrid's API."
    )
    webhook_public_key: str | None = Field(
        default=None, max_length=1000,
        description="The key, as SendGrid shows it, that checks its events; it is no secret.",
    )  # fmt: skip

    @field_validator("webhook_public_key")
    @classmethod
    def _readable(cls, key: str | None) -> str | None:
        if key is not None:
            _sendgrid_events.public_key(key)
        return key


def destination(settings: Settings) -> str:
    """The recipients, and which key leads to them."""
    return f"sendgrid {', '.join(settings.to)} ({settings.api_key_file or settings.api_key_env})"


def send(message: messages.Message, settings: Settings, call: channels.Call) -> channels.Receipt:
    """Hand the letter over to SendGrid."""
    letter = _mail.compose(message, settings, call)
    content = json.dumps(body(letter, settings, call.key), separators=(",", ":")).encode()
    headers = {
        "authorization": f"Bearer {call.secrets['api_key']}",
        "content-type": "application/json",
    }
    try:
        reply = exchange.post(
            call.http, f"{settings.api_url}/v3/mail/send", content, headers, now=call.now
        )
    except errors.Permanent as refused:
        if cure := _CURES.get(refused.status_code or 0):
            text = f"SendGrid answered {refused.status_code}. {cure}"
            raise errors.Permanent(
                text, reason=refused.reason, status_code=refused.status_code
            ) from None
        raise
    given = _sendgrid_events.own_id(reply.headers.get("x-message-id", ""))
    return channels.Receipt(letter.ref, given)


def body(letter: _mail.Letter, settings: Settings, key: str) -> dict[str, Any]:
    """What is posted to /v3/mail/send. Nothing is counted: no opens, no clicks."""
    name, address = _mail.parted(settings.sender)
    off = {"enable": False}
    made: dict[str, Any] = {
        "personalizations": [{"to": [{"email": each} for each in settings.to]}],
        "from": {"email": address, "name": name} if name else {"email": address},
        "subject": letter.subject,
        "content": [
            {"type": "text/plain", "value": letter.text},
            {"type": "text/html", "value": letter.html},
        ],
        "headers": {"Message-ID": letter.message_id, **letter.headers},
        "custom_args": {"tocsin_delivery": key},
        "tracking_settings": {
            "click_tracking": {"enable": False, "enable_text": False},
            "open_tracking": off,
            "subscription_tracking": off,
        },
        "mail_settings": {"sandbox_mode": off},
    }
    if settings.reply_to:
        made["reply_to"] = {"email": settings.reply_to}
    if letter.files:
        made["attachments"] = [
            {
                "filename": file.name,
                "type": file.kind.partition(";")[0],
                "content": base64.b64encode(file.content).decode(),
                "disposition": "attachment",
            }
            for file in letter.files
        ]
    return made


def receive(
    post: heard.Post, settings: Settings, secrets: dict[str, str], now: datetime
) -> heard.Received:
    """A batch of events, as SendGrid posts them to the address that ends in ``/events``."""
    if post.kind != "events":
        raise errors.NotAuthenticated(
            "SendGrid posts its events to the address that ends in /events."
        )
    _sendgrid_events.verify(post, settings.webhook_public_key, now)
    return _sendgrid_events.received(post.body)
