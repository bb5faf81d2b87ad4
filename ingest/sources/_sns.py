"""Messages of Amazon SNS over HTTPS: what is signed, by whose certificate, and who may be asked.

The names of Amazon's hosts are fixed, so nobody can send us elsewhere for a certificate.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime
from typing import Any, Literal
from urllib import parse

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from ingest import means
from tocsin import errors

_HOST = re.compile(r"sns\.[a-z]{2}(-[a-z]{2,12}){1,3}-[0-9]{1,2}\.amazonaws\.com(\.cn)?")
_CERTIFICATE = re.compile(r"/SimpleNotificationService-[A-Za-z0-9]{1,128}\.pem")

Kind = Literal["Notification", "SubscriptionConfirmation", "UnsubscribeConfirmation"]
_SIGNED: dict[str, tuple[str, ...]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": (
        "Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type",
    ),
}  # fmt: skip
_SIGNED["UnsubscribeConfirmation"] = _SIGNED["SubscriptionConfirmation"]
_HASHES: dict[str, hashes.HashAlgorithm] = {"1": hashes.SHA1(), "2": hashes.SHA256()}


class Envelope(msgspec.Struct, frozen=True):
    """What SNS puts around a message."""

    Type: Kind
    MessageId: str
    TopicArn: str
    Message: str
    Timestamp: str
    SignatureVersion: str
    Signature: str
    SigningCertURL: str
    Subject: str | None = None
    SubscribeURL: str = ""
    Token: str = ""


_DECODER = msgspec.json.Decoder(Envelope)


def is_envelope(document: Any) -> bool:
    """Whether a document says that it is one; `read` knows better."""
    kind = document.get("Type") if isinstance(document, dict) else None
    return isinstance(kind, str) and kind in _SIGNED


def read(body: bytes) -> Envelope:
    """Raises BadRequest."""
    try:
        return _DECODER.decode(body.removeprefix(b"\xef\xbb\xbf"))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise errors.BadRequest(
            "nothing could be read: this is no message of Amazon SNS over HTTPS; subscribe the"
            " topic without raw message delivery"
        ) from None


async def verify(envelope: Envelope, now: datetime, outside: means.Outside) -> None:
    """Raises Forbidden unless Amazon signed it; Unconfirmed where its certificate is not to be had.

    An old message that is sent again is no danger: what it says is older than what we know.
    """
    digest = _HASHES.get(envelope.SignatureVersion)
    if digest is None:
        raise errors.Forbidden("this version of SNS signatures is not known: use 1 or 2")
    _check_address(envelope.SigningCertURL, "SigningCertURL", _CERTIFICATE)
    pem = await outside.get(envelope.SigningCertURL, keep=True)
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError:
        raise errors.Unconfirmed("what Amazon answered is no certificate; send again") from None
    key = certificate.public_key()
    within = certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc
    if not within or not isinstance(key, rsa.RSAPublicKey):
        raise errors.Forbidden("the certificate of this SNS message is not valid now")
    try:
        signature = base64.b64decode(envelope.Signature, validate=True)
        key.verify(signature, signed(envelope), padding.PKCS1v15(), digest)
    except (InvalidSignature, binascii.Error, ValueError):
        raise errors.Forbidden("the signature of this SNS message does not fit") from None


def signed(envelope: Envelope) -> bytes:
    """The text over which the signature is made: names and values, each on a line."""
    lines: list[str] = []
    for name in _SIGNED[envelope.Type]:
        value = getattr(envelope, name)
        if value is not None:
            lines += (name, value)
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")


async def confirm(envelope: Envelope, outside: means.Outside) -> None:
    """Say yes to a subscription by asking for the address that Amazon gave, and for no other."""
    parts = _check_address(envelope.SubscribeURL, "SubscribeURL", re.compile("/?"))
    asked = parse.parse_qs(parts.query)
    if asked.get("Action") != ["ConfirmSubscription"] or asked.get("TopicArn") != [
        envelope.TopicArn
    ]:
        raise errors.Forbidden("SubscribeURL is not one that confirms the subscription")
    await outside.get(envelope.SubscribeURL)


def _check_address(url: str, name: str, path: re.Pattern[str]) -> parse.SplitResult:
    """Raises Forbidden for all but Amazon's own hosts, by https on its usual port."""
    try:
        parts = parse.urlsplit(url)
    except ValueError:
        parts = parse.urlsplit("")
    good = parts.scheme == "https" and _HOST.fullmatch(parts.netloc) and path.fullmatch(parts.path)
    if not good or not url.isascii() or not url.isprintable() or parts.fragment:
        raise errors.Forbidden(f"{name} is not an address of Amazon SNS")
    return parts
