"""The generic webhook: Alertmanager's JSON, signed as in Standard Webhooks 1.0."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib import parse

from pydantic import Field, field_validator, model_validator

import channels
from schemas import message as messages
from tocsin import errors
from tocsin.egress import addresses, exchange

LIMITS = channels.Limits(per_second=50, burst=100)
CAPABILITIES = channels.Capabilities(idempotent=True)
PARTS: dict[str, channels.Form] = {"body": "json"}

#: What Alertmanager writes where an alert has no end.
ZERO_TIME = "0001-01-01T00:00:00Z"

#: Ours to set, or not for a sender to choose, or a place for a secret in plain sight.
_HEADERS_KEPT = re.compile(
    r"authorization|connection|content-.*|cookie|expect|host|keep-alive|proxy-.*|te|trailer"
    r"|transfer-encoding|upgrade|webhook-.*",
    re.IGNORECASE,
)
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_HEADER_VALUE = re.compile(r"[\x21-\x7e]([\x20-\x7e\t]{0,1000}[\x21-\x7e])?")
#: A part of a path that somebody made with a random generator.
_RANDOM = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z]).{16,}|(?=.*[a-z])(?=.*[A-Z])[^/]{20,}|.{32,}")


class Settings(channels.ChannelSettings):
    """Where to post. An address that is a secret as a whole goes into ``url_file`` or ``url_env``.

    ``signing_secret`` holds one secret ``whsec_...`` a line: with two, both sign, so that the
    receiver may change from one to the other at its leisure.
    """

    CONTACT = channels.Contact("webhook", "url")

    url: addresses.WebUrl | None = Field(None, description="Where to post.")
    url_file: channels.SecretFile = None
    url_env: channels.SecretEnv = None
    signing_secret_file: channels.SecretFile = None
    signing_secret_env: channels.SecretEnv = None
    #: Sent as `Authorization: Bearer ...`.
    token_file: channels.SecretFile = None
    token_env: channels.SecretEnv = None
    max_alerts: int = Field(
        0, ge=0, description="At most so many alerts in one message, those that fire first; 0: all."
    )
    headers: dict[str, str] = Field(
        default_factory=dict, description="Further headers, not secret ones."
    )

    @field_validator("headers")
    @classmethod
    def _harmless(cls, headers: dict[str, str]) -> dict[str, str]:
        for name, value in headers.items():
            if _HEADERS_KEPT.fullmatch(name):
                raise ValueError(
                    f"the header {name} is not yours to set (a bearer token goes into token_file)"
                )
            if not _HEADER.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
                raise ValueError("a header has a plain name and a value of one line of ASCII")
        return headers

    @model_validator(mode="after")
    def _one_address(self) -> Settings:
        if sum(place is not None for place in (self.url, self.url_file, self.url_env)) != 1:
            raise ValueError("give one of url, url_file and url_env")
        return self


def destination(settings: Settings) -> str:
    """The address without what may be secret; a digest of that keeps two addresses apart."""
    if settings.url is None:
        return f"webhook {settings.url_file or settings.url_env}"
    parts = parse.urlsplit(settings.url)
    path = parts.path
    for segment in path.split("/"):
        if _RANDOM.fullmatch(parse.unquote(segment)):
            path = path[: path.index(segment)]
            break
    shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{path}"
    if shown == settings.url and not settings.headers:
        return shown
    whole = json.dumps([settings.url, sorted(settings.headers.items())])
    return f"{shown}~{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def send(message: messages.Message, settings: Settings, call: channels.Call) -> channels.Receipt:
    """Post the message; the receiver knows a repeat by its ``webhook-id``."""
    content = call.texts.get("body") or _dumped(body(message, settings.max_alerts))
    raw = content.encode("utf-8", "replace")
    headers = {
        **settings.headers,
        "content-type": "application/json",
        "webhook-id": call.key,
        "webhook-timestamp": str(int(call.now.timestamp())),
    }
    if secrets := call.secrets.get("signing_secret"):
        headers["webhook-signature"] = signatures(secrets, call.key, call.now, raw)
    if token := call.secrets.get("token"):
        headers["authorization"] = f"Bearer {token}"
    exchange.post(call.http, settings.url or call.secrets["url"], raw, headers, now=call.now)
    return channels.Receipt(ref=None, provider_id=call.key)


def own_words(message: messages.Message, locale: str) -> dict[str, str]:
    """The body for a receiver that knows Alertmanager's; it speaks no language."""
    return {"body": _dumped(body(message))}


def _dumped(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def signatures(secrets: str, key: str, now: datetime, content: bytes) -> str:
    """The ``webhook-signature`` header: one signature for each line of ``secrets``."""
    signed = f"{key}.{int(now.timestamp())}.".encode() + content
    made = []
    for line in secrets.split():
        digest = hmac.new(_signing_key(line), signed, hashlib.sha256).digest()
        made.append(f"v1,{base64.b64encode(digest).decode()}")
    return " ".join(made)


def _signing_key(line: str) -> bytes:
    encoded = line.removeprefix("whsec_")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not line.startswith("whsec_") or not 24 <= len(key) <= 64:
        raise errors.Permanent(
            "The signing secret of this webhook cannot be used. Each line must be whsec_ and then"
            " 24 to 64 random bytes in base64.",
            reason="configError",
        )
    return key


def body(message: messages.Message, most: int = 0) -> dict[str, Any]:
    """Alertmanager's webhook JSON, version 4, and beside it ``incident``, which is Tocsin's own.

    With at most so many alerts; 0: as many as the message has.
    """
    home = parse.urlsplit(message.url)
    shown = message.alerts[: most or None]
    return {
        "version": "4",
        "groupKey": message.group_key,
        "status": "resolved" if message.over else "firing",
        "receiver": message.receiver,
        "groupLabels": message.group_labels,
        "commonLabels": message.common_labels,
        "commonAnnotations": message.common_annotations,
        "externalURL": f"{home.scheme}://{home.netloc}" if home.netloc else "",
        "truncatedAlerts": message.truncated + len(message.alerts) - len(shown),
        "alerts": [_alert(alert) for alert in shown],
        "incident": {
            "id": message.incident_id,
            "url": message.url,
            "state": message.state,
            "reason": message.reason,
            "title": message.title,
            "severity": message.severity,
            "why": message.why,
            "notes": message.notes,
            **({"act_url": message.act_url} if message.act_url else {}),
            # A test page is about no incident; this is what confirms it.
            **({"code": message.code} if message.code else {}),
        },
    }


def _alert(alert: messages.AlertView) -> dict[str, Any]:
    ended = alert.ends_at if alert.status == "resolved" else None
    return {
        "status": alert.status,
        "labels": alert.labels,
        "annotations": alert.annotations,
        "startsAt": _time(alert.starts_at),
        "endsAt": _time(ended) if ended else ZERO_TIME,
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint,
    }


def _time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
