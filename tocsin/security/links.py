"""The token of a link in a page to a person: who holds it may act on that incident as that person.

It names the delivery and proves that this installation made it for this tenant. The delivery, which
nobody can change, says which person and which incident it is about and when it went out; so the
token stays short enough for a text message, and the same on every attempt to send it.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tocsin.security import crypto

#: Bytes of the proof: nobody guesses 128 bits by asking.
PROOF = 16
_ID = 16
_LENGTH = 43


class Signer:
    """Makes and reads the tokens of all tenants."""

    def __init__(self, master: bytes) -> None:
        # A key of its own: what this makes says nothing about what the master key seals.
        derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"tocsin links to act, 1")
        self._key = derived.derive(master)

    def token(self, slug: str, delivery: uuid.UUID) -> str:
        """43 characters, safe in an address and in a text message."""
        whole = delivery.bytes + self._proof(slug, delivery.bytes)
        return base64.urlsafe_b64encode(whole).decode().rstrip("=")

    def read(self, slug: str, token: str) -> uuid.UUID | None:
        """The delivery that the token names; None for one that was not made here for this tenant.

        No look at the record, and the same work whatever is wrong with it.
        """
        raw = _raw(token)
        proof = self._proof(slug[:100], raw[:_ID])
        # Base64 has several spellings of the same bytes; only ours counts.
        exact = hmac.compare_digest(token.encode("utf-8", "replace"), _spelled(raw))
        if not (hmac.compare_digest(proof, raw[_ID:]) and exact):
            return None
        return uuid.UUID(bytes=raw[:_ID])

    def _proof(self, slug: str, delivery: bytes) -> bytes:
        told = slug.encode("utf-8", "replace") + b"\0" + delivery
        return hmac.new(self._key, told, hashlib.sha256).digest()[:PROOF]


def _raw(token: str) -> bytes:
    """Always as many bytes as a token has: zeroes, which no key proves, for what is none."""
    try:
        raw = base64.urlsafe_b64decode(token[: _LENGTH + 1] + "=")
    except (binascii.Error, ValueError):
        raw = b""
    return raw if len(raw) == _ID + PROOF else bytes(_ID + PROOF)


def _spelled(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@functools.cache
def signer(path: Path | None) -> Signer | None:
    """The signer of this installation; None where it has no master key: then there are no links."""
    return Signer(crypto.master_key(path)) if path is not None else None


def address(made_by: Signer | None, public_url: str, slug: str, delivery: uuid.UUID) -> str:
    """Where the person that this delivery pages can act; empty where there are no links."""
    if made_by is None:
        return ""
    return f"{public_url.rstrip('/')}/t/{slug}/a/{made_by.token(slug, delivery)}"
