"""Who is signed in to the pages: the hash of what the browser holds, and the token behind it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from tocsin.storage.record import Transaction

#: For whoever holds a connection, before any tenant is known.
LOOKUP = "SELECT tenant, slug, token, name, scopes FROM sitting_lookup(%s)"


def begin(tx: Transaction, tenant: int, digest: bytes, token: uuid.UUID, lasts: timedelta) -> None:
    """Write down that somebody signed in; the tenant's own that are over go on this occasion."""
    tx.run("DELETE FROM sitting WHERE tenant = %s AND expires_at < %s", [tenant, tx.now])
    tx.run(
        "INSERT INTO sitting (tenant, hash, token, created_at, expires_at)"
        " VALUES (%s, %s, %s, %s, %s)",
        [tenant, digest, token, tx.now, tx.now + lasts],
    )


def end(tx: Transaction, tenant: int, digest: bytes) -> None:
    """Signed out; twice is harmless."""
    tx.run("DELETE FROM sitting WHERE tenant = %s AND hash = %s", [tenant, digest])
