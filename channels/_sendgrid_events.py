"""SendGrid's event webhook: its signature, and what each event means for a delivery."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from datetime import datetime
from typing import Any, Literal

from cryptography import exceptions
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from channels import _text
from schemas import heard
from tocsin import errors

#: How far the time of a post may be from ours. Seconds.
TOLERANCE = 600
#: SendGrid posts up to 1 000 events at once.
EVENTS = 10_000

_SIGNATURE = "x-twilio-email-event-webhook-signature"
_STAMP = "x-twilio-email-event-webhook-timestamp"

State = Literal["queued", "delivered", "bounced"]
#: Event -> what it says of the message, and whether nothing later changes that. An address may
#: still bounce after its server took the message, and others of the same message may bounce.
_STATES: dict[str, tuple[State, bool]] = {
    "processed": ("queued", False),
    "deferred": ("queued", False),
    "delivered": ("delivered", False),
    "bounce": ("bounced", True),
    "dropped": ("bounced", True),
}
_REFUSALS = {
    "spamreport": True,
    "unsubscribe": True,
    "group_unsubscribe": True,
    "group_resubscribe": False,
}


def public_key(text: str) -> ec.EllipticCurvePublicKey:
    """The key as SendGrid shows it, in base64. Raises ValueError that says what is wrong."""
    try:
        key = serialization.load_der_public_key(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, exceptions.UnsupportedAlgorithm):
        key = None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise ValueError(
            "not the verification key of an event webhook: copy it from SendGrid, one line that"
            " begins with MF"
        )
    return key


def verify(post: heard.Post, key: str | None, now: datetime) -> None:
    """Raise ``NotAuthenticated`` unless SendGrid signed this post, with this key and just now."""
    if key is None:
        raise errors.NotAuthenticated(
            "Events of SendGrid are believed only with a signature. Switch on Signed Event Webhook"
            " and write its verification key into webhook_public_key."
        )
    stamp = post.headers.get(_STAMP, "")
    try:
        signature = base64.b64decode(post.headers.get(_SIGNATURE, ""), validate=True)
        public_key(key).verify(signature, stamp.encode() + post.body, ec.ECDSA(hashes.SHA256()))
    except (binascii.Error, ValueError, exceptions.InvalidSignature):
        raise errors.NotAuthenticated(
            "The signature of this event is not SendGrid's. Check webhook_public_key."
        ) from None
    # The stamp is signed, but only digits are read as a number: "1_0" is one for int().
    if not (stamp.isascii() and stamp.isdigit()) or abs(int(stamp) - now.timestamp()) > TOLERANCE:
        raise errors.NotAuthenticated(
            f"This event was signed more than {TOLERANCE // 60} minutes from now. Check the clocks."
        )


def received(body: bytes) -> heard.Received:
    """What a verified batch says, in the order in which it happened."""
    try:
        events = json.loads(body)
    except (ValueError, RecursionError):
        events = None
    if not isinstance(events, list):
        raise errors.BadRequest("A post of SendGrid's event webhook is a list of events.")
    known = [event for event in events[:EVENTS] if isinstance(event, dict)]
    known.sort(key=_at)
    told = (_meaning(event) for event in known)
    # The same events, posted anew after an answer was lost, are the same bytes.
    nonce = hashlib.sha256(body).hexdigest()
    return heard.Received(nonce, tuple(each for each in told if each is not None))


def own_id(name: object) -> str:
    """What the id of a message and those of its events have in common: all up to the first dot."""
    return _text.plain(name, 200).partition(".")[0] if isinstance(name, str) else ""


def _meaning(event: dict[str, Any]) -> heard.Heard | None:
    kind, address = event.get("event"), event.get("email")
    if not isinstance(kind, str):
        return None
    if kind in _REFUSALS and isinstance(address, str) and address:
        return heard.Refusal(_text.plain(address, 320).lower(), _REFUSALS[kind])
    name = own_id(event.get("sg_message_id"))
    if kind not in _STATES or not name:
        return None
    state, final = _STATES[kind]
    return heard.Receipt(name, state, final, _reason(event, state))


def _reason(event: dict[str, Any], state: State) -> str:
    """For people: which address, and what its mail server said. Nothing where all is well."""
    if state == "delivered" or event.get("event") == "processed":
        return ""
    said = event.get("reason") or event.get("response") or event.get("type") or event["event"]
    return _text.plain(f"{event.get('email', '')}: {said}", 300)


def _at(event: dict[str, Any]) -> float:
    at = event.get("timestamp")
    return at if isinstance(at, int | float) else 0
