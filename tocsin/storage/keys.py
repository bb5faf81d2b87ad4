"""The tenants' keys, wrapped by the master key of the installation."""

from __future__ import annotations

from tocsin.storage.record import Transaction

#: For whoever holds a connection of the event loop; parameters: tenant.
LOOKUP = "SELECT id, wrapped FROM tenant_key WHERE tenant = %s ORDER BY id DESC"
#: The first key, unless another process was first; parameters: tenant, wrapped.
ADD_FIRST = (
    "INSERT INTO tenant_key (tenant, id, wrapped, created_at) VALUES (%s, 1, %s, tocsin_now())"
    " ON CONFLICT DO NOTHING"
)


def wrapped(tx: Transaction, tenant: int) -> list[tuple[int, bytes]]:
    """All keys of a tenant, newest first: (id, wrapped)."""
    return [(row["id"], row["wrapped"]) for row in tx.rows(LOOKUP, [tenant])]


def add(tx: Transaction, tenant: int, key: int, blob: bytes) -> None:
    """Store a key unless another process was first."""
    tx.run(
        "INSERT INTO tenant_key (tenant, id, wrapped, created_at) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT DO NOTHING",
        [tenant, key, blob, tx.now],
    )
