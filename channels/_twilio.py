"""Twilio's side of text messages: asking its API, what its errors mean, whose posts are signed."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib import parse

import httpx

import channels
from schemas import heard
from tocsin import errors
from tocsin.egress import addresses, exchange

#: A page of messages, each with its text.
_REPLY_BYTES = 512 * 1024
#: These carry a code in their body that says more than the status.
_TELLING = frozenset({400, 401, 403, 404, 429})

#: Twilio's code -> what to do. All of these fail again until somebody does it.
_CURES = {
    20003: "Twilio does not accept the account_sid and token. Store this account's auth token.",
    20404: "Twilio knows no account {account}. Check account_sid.",
    21211: "{to} is not a telephone number that exists. Correct it in the policy.",
    21214: "{to} cannot be reached. Correct the number in the policy.",
    21217: "{to} is not a telephone number that exists. Correct it in the policy.",
    21265: "{to} is a short code, which cannot get messages. Name a mobile number.",
    21408: "This Twilio account may not send to the country of {to}. Allow it in Twilio's console"
    " under Messaging, Geo permissions.",
    21606: "The sender cannot send to {to}. Name a number of this account in from.",
    21610: "{to} has answered STOP and gets nothing from this sender any more. Its owner takes that"
    " back by texting START to it; until then name another way.",
    21612: "The sender cannot reach {to}. Name another sender in from.",
    21614: "{to} is not a mobile number. Name one that can get text messages.",
    21659: "The number in from is not one of this Twilio account. Correct it in the policy.",
    21660: "The number in from is not one of this Twilio account. Correct it in the policy.",
    21701: "The messaging service does not exist. Check messaging_service_sid.",
    21703: "The messaging service has no sender. Give it one in Twilio's console.",
    21212: "The sender in from is not valid. Name a number of this account, or letters where the"
    " country allows that.",
    21603: "There is no sender. Give from or messaging_service_sid.",
}
_AUTH = frozenset({20003, 20404})
#: More than Twilio takes today or now.
_SLOWER = {20429: None, 21611: 60.0, 63038: 3600.0, 14107: 60.0}

#: What a receipt's error code means, for people.
_UNREACHED = {
    "30001": "Twilio's queue for this sender ran over",
    "30002": "the Twilio account is suspended",
    "30003": "the phone was off, or out of reach",
    "30004": "the network or the owner blocks these messages",
    "30005": "the number does not exist any more",
    "30006": "it is a landline, or its network cannot be reached",
    "30007": "the network took it for unwanted advertising and filtered it",
    "30008": "the network does not say why",
    "30034": "the sender is not registered for messages to this country",
}


def ask(
    call: channels.Call, url: str, sid: str, form: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """What Twilio answers, with ``_status``: a POST of ``form``, or a GET without one."""
    addresses.check_url(url)
    host = parse.urlsplit(url).hostname or ""
    try:
        with call.http.stream(
            "GET" if form is None else "POST",
            url,
            content=None if form is None else parse.urlencode(form),
            headers=_headers(call, sid),
            follow_redirects=False,
            extensions={"reply_bytes": _REPLY_BYTES},
        ) as response:
            status = response.status_code
            body = response.read() if status < 300 or status in _TELLING else b""
    except httpx.HTTPError as problem:
        raise exchange.transport_problem(problem, host) from None
    return _understood(status, response.headers, body, host, call)


def _headers(call: channels.Call, sid: str) -> dict[str, str]:
    token = call.secrets["token"]
    if not token.isalnum() or not token.isascii():
        text = "The auth token of Twilio holds characters that cannot be. Store it again."
        raise errors.Permanent(text, reason="authError")
    return {
        "Authorization": "Basic " + base64.b64encode(f"{sid}:{token}".encode()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
        # Twilio does not look at it (see sms.py); whoever debugs between us does.
        "Idempotency-Key": call.key,
    }


def _understood(
    status: int, headers: httpx.Headers, body: bytes, host: str, call: channels.Call
) -> dict[str, Any]:
    try:
        data = json.loads(body)
    except ValueError:
        data = None
    if isinstance(data, dict) and (status < 300 or isinstance(data.get("code"), int)):
        after = exchange.retry_after(headers.get("retry-after"), call.now)
        return {**data, "_status": status, "_after": after}
    exchange.check_status(status, headers, host, call.now)
    text = "Twilio took the message but its answer cannot be read; it may have arrived."
    raise errors.Retryable(text, reason="serverError", in_doubt=True)


def problem(data: dict[str, Any], account: str, to: str) -> errors.TocsinError:
    """The error that a code of Twilio's is."""
    code, status = int(data["code"]), int(data["_status"])
    if code in _SLOWER or status == 429:
        after = data["_after"] or _SLOWER.get(code)
        text = f"Twilio takes no more messages now ({code})."
        return errors.Retryable(text, reason="rateLimited", after=after, status_code=status)
    reason = "authError" if status in (401, 403) or code in _AUTH else "clientError"
    cure = _CURES.get(code, "Twilio refused the message. Look its code up in Twilio's error list.")
    text = f"{cure.format(account=account, to=to)} (Twilio's code {code})"
    return errors.Permanent(text, reason=reason, status_code=status)


def why_unreached(code: str) -> str:
    """The error code of a receipt in words."""
    shown = "".join(char for char in code if char.isdigit())[:6]
    words = _UNREACHED.get(shown, "the network did not take it")
    return f"{words} (Twilio's code {shown})" if shown else words


def verified(post: heard.Post, token: str) -> dict[str, str]:
    """The fields of a post that Twilio signed; raises NotAuthenticated for any other.

    https://www.twilio.com/docs/usage/security: HMAC-SHA1 over the address and the sorted fields of
    a form; over the address alone, which then holds the hash of the body, where that is JSON.
    """
    given = post.headers.get("x-twilio-signature", "")
    query = dict(parse.parse_qsl(parse.urlsplit(post.url).query, keep_blank_values=True))
    if "bodySHA256" in query:
        whole = hashlib.sha256(post.body).hexdigest()
        if not hmac.compare_digest(whole.encode(), query["bodySHA256"].encode()):
            raise errors.NotAuthenticated
        pairs, signed = None, ""
    else:
        pairs = parse.parse_qsl(post.body.decode("utf-8", "replace"), keep_blank_values=True)
        if len({name for name, _ in pairs}) < len(pairs):
            raise errors.NotAuthenticated  # Twilio names nothing twice
        signed = "".join(name + value for name, value in sorted(set(pairs)))
    for url in _spellings(post.url):
        digest = hmac.new(token.encode(), (url + signed).encode(), hashlib.sha1).digest()
        if hmac.compare_digest(base64.b64encode(digest), given.encode()):
            return _json_fields(post.body) if pairs is None else dict(pairs)
    raise errors.NotAuthenticated


def _json_fields(body: bytes) -> dict[str, str]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}


def _spellings(url: str) -> tuple[str, str]:
    """With the port and without: which one Twilio signs depends on the product."""
    parts = parse.urlsplit(url)
    usual = 443 if parts.scheme == "https" else 80
    host = parts.hostname or ""
    bare = parts._replace(netloc=host).geturl()
    return bare, parts._replace(netloc=f"{host}:{parts.port or usual}").geturl()
