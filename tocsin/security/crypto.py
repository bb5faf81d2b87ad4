"""Sealed columns: AES-256-GCM under a key of the tenant's own, wrapped by the master key.

A sealed value is key id (4 bytes, big endian), nonce (12), ciphertext with tag; the tenant is the
associated data, so that a value moved to another tenant does not open.
"""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tocsin import errors
from tocsin.storage import keys
from tocsin.storage.record import Transaction

NONCE = 12


class Sealer:
    """Seals and opens for all tenants; keeps their unwrapped keys in memory."""

    def __init__(self, master: bytes) -> None:
        self._master = AESGCM(master)
        self._keys: dict[int, dict[int, AESGCM]] = {}
        self._newest: dict[int, int] = {}
        self._lock = threading.Lock()

    def ready(self, tenant: int) -> bool:
        """True where `seal` and `open` need no look at the record."""
        return tenant in self._newest

    def load(self, tx: Transaction, tenant: int) -> None:
        """Fetch the tenant's keys, making the first one where there is none."""
        found = keys.wrapped(tx, tenant)
        if not found:
            keys.add(tx, tenant, 1, self.fresh(tenant))
            found = keys.wrapped(tx, tenant)
        self.learn(tenant, found)

    def fresh(self, tenant: int) -> bytes:
        """A new key of the tenant, wrapped."""
        return self._wrap(tenant, AESGCM.generate_key(256))

    def learn(self, tenant: int, wrapped: list[tuple[int, bytes]]) -> None:
        """Take keys that were read elsewhere: (id, wrapped), newest first."""
        opened = {key: AESGCM(self._unwrap(tenant, blob)) for key, blob in wrapped}
        with self._lock:
            self._keys[tenant] = opened
            self._newest[tenant] = wrapped[0][0]

    def seal(self, tenant: int, plain: bytes) -> bytes:
        """The tenant must be ready. Bounded by what AES-GCM takes: 2**36 bytes."""
        key = self._newest[tenant]
        nonce = os.urandom(NONCE)
        body = self._keys[tenant][key].encrypt(nonce, plain, str(tenant).encode())
        return key.to_bytes(4, "big") + nonce + body

    def open(self, tx: Transaction, tenant: int, blob: bytes) -> bytes:
        """Raises TocsinError where the value is not this tenant's or was damaged."""
        key = int.from_bytes(blob[:4], "big")
        if key not in self._keys.get(tenant, {}):
            self.load(tx, tenant)
        try:
            return self._keys[tenant][key].decrypt(
                blob[4 : 4 + NONCE], blob[4 + NONCE :], str(tenant).encode()
            )
        except (KeyError, ValueError, InvalidTag) as error:  # ValueError: cut within the nonce
            raise errors.TocsinError(
                f"a sealed value of tenant {tenant} does not open: its key is not of this"
                " master key, or the value was damaged"
            ) from error

    def _wrap(self, tenant: int, key: bytes) -> bytes:
        nonce = os.urandom(NONCE)
        return nonce + self._master.encrypt(nonce, key, b"key of %d" % tenant)

    def _unwrap(self, tenant: int, blob: bytes) -> bytes:
        try:
            return self._master.decrypt(blob[:NONCE], blob[NONCE:], b"key of %d" % tenant)
        except InvalidTag as error:
            raise errors.SetupError(
                "the master key is not the one that this database was sealed with; give"
                " TOCSIN_MASTER_KEY_FILE the old file"
            ) from error


def from_file(path: Path | None) -> Sealer:
    """The sealer of this installation. Raises SetupError where there is no usable key."""
    if path is None:
        raise errors.SetupError("TOCSIN_MASTER_KEY_FILE is not set; `tocsin up` makes a key")
    return Sealer(master_key(path))


def master_key(path: Path) -> bytes:
    """The key of this installation, 32 bytes. Raises SetupError where it cannot be used."""
    try:
        master = base64.b64decode(path.read_text().strip(), validate=True)
    except (OSError, ValueError) as error:
        raise errors.SetupError(f"the master key cannot be read: {error}") from error
    if len(master) != 32:
        raise errors.SetupError("the master key must be 32 bytes in base64")
    return master
