"""The key in the address to which a heartbeat is posted.

It names tenant and heartbeat and proves that this installation made it, so that guesses cost a
digest and no look at the record. With another id in the record an old key is worth nothing.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import hmac
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tocsin.security import crypto

_TENANT, _ID, _PROOF = 6, 10, 16
_BYTES = _TENANT + _ID + _PROOF
_LENGTH = 43


class Signer:
    """Makes and reads the keys of all tenants."""

    def __init__(self, master: bytes) -> None:
        derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"tocsin addresses of heartbeats, 1")
        self._key = derived.derive(master)

    def key(self, tenant: int, id: str) -> str:
        """43 characters, safe in an address."""
        named = tenant.to_bytes(_TENANT, "big") + bytes.fromhex(id)
        return _spelled(named + self._proof(named)).decode()

    def read(self, key: str) -> tuple[int, str] | None:
        """The tenant and the id that the key names; None for one that was not made here.

        The same work whatever is wrong with it.
        """
        raw = _raw(key)
        named = raw[: _TENANT + _ID]
        # Base64 has several spellings of the same bytes; only ours counts.
        exact = hmac.compare_digest(key.encode("utf-8", "replace"), _spelled(raw))
        if not (hmac.compare_digest(self._proof(named), raw[_TENANT + _ID :]) and exact):
            return None
        return int.from_bytes(named[:_TENANT], "big"), named[_TENANT:].hex()

    def _proof(self, named: bytes) -> bytes:
        return hmac.new(self._key, named, hashlib.sha256).digest()[:_PROOF]


def _raw(key: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(key[: _LENGTH + 1] + "=")
    except (binascii.Error, ValueError):
        raw = b""
    return raw if len(raw) == _BYTES else bytes(_BYTES)


def _spelled(raw: bytes) -> bytes:
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


@functools.cache
def signer(path: Path | None) -> Signer | None:
    """The signer of this installation; None where it has no master key: then there are no keys."""
    return Signer(crypto.master_key(path)) if path is not None else None


def address(made_by: Signer | None, public_url: str, tenant: int, id: str) -> str:
    """Where a heartbeat is posted; empty where there is no key."""
    if made_by is None:
        return ""
    return f"{public_url.rstrip('/')}/ping/{made_by.key(tenant, id)}"
