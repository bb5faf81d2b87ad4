"""A fake of SendGrid: takes mail as its API does, with the same pickiness, and signs events."""

from __future__ import annotations

import base64
import binascii
import copy
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tocsin.demo.fakes import server

_PATH = "/v3/mail/send"
_BYTES = 30 * 1024 * 1024
#: Headers that SendGrid writes itself and refuses to take.
_RESERVED = frozenset(
    {
        "bcc", "cc", "content-transfer-encoding", "content-type", "dkim-signature", "from",
        "received", "reply-to", "subject", "to", "x-sg-eid", "x-sg-id",
    }
)  # fmt: skip


class SendGrid:
    """One account. Each message that was taken is kept as the body that was posted."""

    provider = "sendgrid"

    def __init__(self, clock: Callable[[], float], keys: Iterable[str] = ("SG.fake",)) -> None:
        self._clock = clock
        self.keys = set(keys)
        self._signing = ec.generate_private_key(ec.SECP256R1())
        self._lock = threading.Lock()
        self._messages: list[dict[str, Any]] = []

    @property
    def public_key(self) -> str:
        """What a receiver of events checks their signature with, as SendGrid shows it."""
        der = self._signing.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        return base64.b64encode(der).decode()

    def owns(self, path: str) -> bool:
        """Whether this provider answers on ``path``."""
        return path == _PATH

    def address(self, request: server.Request) -> tuple[str, str]:
        """Destination (the recipients) and the key that Tocsin gives as a custom argument."""
        body = _object(request)
        try:
            to = ", ".join(each["email"] for each in body["personalizations"][0]["to"])
            return to, str(body.get("custom_args", {}).get("tocsin_delivery", ""))
        except (KeyError, IndexError, TypeError, AttributeError):
            return "", ""

    def refuse(self, request: server.Request) -> server.Reply | None:
        """What SendGrid answers to a key that it does not know."""
        if request.headers.get("authorization", "").removeprefix("Bearer ") in self.keys:
            return None
        return _fault(401, None, "The provided authorization grant is invalid")

    def act(self, request: server.Request) -> server.Reply:
        """Take the message, or say what is wrong with it."""
        if request.method != "POST":
            return _fault(405, None, "method not allowed")
        if len(request.body) > _BYTES:
            return _fault(413, None, "The payload is too large")
        body = _object(request)
        if wrong := problem(body):
            return _fault(400, *wrong)
        with self._lock:
            number = len(self._messages) + 1
            name = f"fake{number:04}AAAAAAAAAAAAAA"
            self._messages.append(body | {"x_message_id": name})
        return server.Reply(202, b"", {"x-message-id": name, "content-type": "text/plain"})

    def messages(self, address: str | None = None) -> list[dict[str, Any]]:
        """What was sent to ``address``, or everything, oldest first."""
        with self._lock:
            found = copy.deepcopy(self._messages)
        return [each for each in found if address is None or address in _recipients(each)]

    def signed(
        self, events: list[dict[str, Any]], at: float | None = None
    ) -> tuple[dict[str, str], bytes]:
        """Headers and body of a post of the event webhook."""
        body = json.dumps(events).encode()
        stamp = str(int(self._clock() if at is None else at))
        signature = self._signing.sign(stamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        headers = {
            "content-type": "application/json",
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": stamp,
        }
        return headers, body


def problem(body: dict[str, Any]) -> tuple[str, str] | None:
    """The field that SendGrid would refuse, and why."""
    for field, right, why in _checks(body):
        if not right:
            return field, why
    return None


def _checks(body: dict[str, Any]) -> Iterable[tuple[str, bool, str]]:
    persons = body.get("personalizations")
    yield "personalizations", isinstance(persons, list) and bool(persons), "is required"
    to = _recipients(body)
    yield "personalizations.0.to", bool(to) and all("@" in one for one in to), "is required"
    yield "personalizations.0", len(to) == len(set(to)), "each address must be unique"
    sender = body.get("from")
    named = isinstance(sender, dict) and "@" in str(sender.get("email"))
    yield "from.email", named, "does not contain a valid address"
    yield "subject", _text(body.get("subject")), "is required"
    content = body.get("content")
    kinds = [each.get("type") for each in content] if isinstance(content, list) else []
    yield (
        "content",
        kinds in (["text/plain"], ["text/html"], ["text/plain", "text/html"]),
        ("must hold text/plain and then text/html"),
    )
    yield "content.0.value", all(_text(each.get("value")) for each in content or ()), "is required"
    headers = body.get("headers") or {}
    yield "headers", not _RESERVED & {str(name).lower() for name in headers}, "is reserved"
    yield "headers", all(_header(*pair) for pair in headers.items()), "must be plain text"
    extra = body.get("custom_args") or {}
    yield "custom_args", all(isinstance(each, str) for each in extra.values()), "must be strings"
    for number, file in enumerate(body.get("attachments") or ()):
        yield f"attachments.{number}", _attachment(file), "needs a filename and base64 content"


def _recipients(body: dict[str, Any]) -> list[str]:
    try:
        return [str(each["email"]).lower() for each in body["personalizations"][0]["to"]]
    except (KeyError, IndexError, TypeError):
        return []


def _text(value: object) -> bool:
    return isinstance(value, str) and bool(value)


def _header(name: object, value: object) -> bool:
    text = f"{name}{value}"
    return isinstance(value, str) and text.isascii() and text.isprintable()


def _attachment(file: dict[str, Any]) -> bool:
    try:
        base64.b64decode(file["content"], validate=True)
        return str(file["filename"]).isprintable()
    except (KeyError, TypeError, binascii.Error):
        return False


def _object(request: server.Request) -> dict[str, Any]:
    try:
        body = json.loads(request.body)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _fault(status: int, field: str | None, text: str) -> server.Reply:
    errors = {"errors": [{"message": text, "field": field, "help": None}]}
    return server.Reply(status, json.dumps(errors).encode())
