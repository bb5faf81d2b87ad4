"""Stored tokens: only their hashes."""

from __future__ import annotations

import uuid
from typing import Any

from tocsin import errors
from tocsin.storage.record import Transaction


def add(
    tx: Transaction, tenant: int, token: uuid.UUID, name: str, digest: bytes, scopes: list[str],
    by: str,
) -> None:  # fmt: skip
    tx.run(
        "INSERT INTO token (tenant, id, name, hash, scopes, created_at, created_by)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        [tenant, token, name, digest, scopes, tx.now, by],
    )


def listed(tx: Transaction, tenant: int) -> list[dict[str, Any]]:
    return tx.rows(
        "SELECT id, name, scopes, created_at, created_by, revoked_at FROM token"
        " WHERE tenant = %s ORDER BY created_at",
        [tenant],
    )


def revoke(tx: Transaction, tenant: int, token: uuid.UUID) -> None:
    """Raises NotFound; revoking twice is harmless."""
    if not tx.run(
        "UPDATE token SET revoked_at = coalesce(revoked_at, %s) WHERE tenant = %s AND id = %s",
        [tx.now, tenant, token],
    ):
        raise errors.NotFound(f"there is no token {token} in this tenant")


def known(tx: Transaction, tenant: int, digest: bytes) -> bool:
    """Whether there is, or was, a token with this hash."""
    return bool(tx.rows("SELECT 1 FROM token WHERE tenant = %s AND hash = %s", [tenant, digest]))


#: For whoever holds a connection, before any tenant is known.
LOOKUP = "SELECT tenant, slug, token, name, scopes FROM token_lookup(%s)"
#: The same for many hashes at once: a row for each, found or not, with the clock of the record.
LOOKUP_ALL = """
SELECT h.hash, k.tenant, k.slug, k.token, k.name, k.scopes, tocsin_now() AS now
FROM unnest(%s::bytea[]) AS h (hash) LEFT JOIN LATERAL token_lookup(h.hash) AS k ON true
"""
