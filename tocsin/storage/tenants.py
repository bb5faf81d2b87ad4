"""Tenants, and which policy version each of them runs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from tocsin import errors
from tocsin.storage.record import Transaction

SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def create(tx: Transaction, slug: str, name: str = "") -> int:
    """Make a tenant and widen the transaction to it alone; returns its id.

    Raises BadRequest for a slug that could not stand in a URL, Conflict where it is taken.
    """
    if not SLUG.fullmatch(slug):
        raise errors.BadRequest(
            f"{slug!r} is no tenant name: use 1 to 40 lower-case letters, digits and inner hyphens"
        )
    if any(row["slug"] == slug for row in tx.rows("SELECT slug FROM tenant_list()")):
        raise errors.Conflict(f"tenant {slug!r} exists already")
    row = tx.row("SELECT tenant_create(%s, %s) AS id", [slug, name or slug])
    assert row is not None
    tx.scope([row["id"]])
    return int(row["id"])


def find(tx: Transaction, slug: str) -> int:
    """The id of a tenant by its slug, for the operator; raises NotFound."""
    for row in tx.rows("SELECT id, slug FROM tenant_list()"):
        if row["slug"] == slug:
            return int(row["id"])
    raise errors.NotFound(
        f"there is no tenant {slug!r}; `tocsin tenant list` shows those there are"
    )


def listed(tx: Transaction) -> list[dict[str, Any]]:
    """The tenants that this transaction may see."""
    return tx.rows(
        "SELECT id, slug, name, policy_version, policy_problem, created_at FROM tenant"
        " ORDER BY slug"
    )


def policies(tx: Transaction, tenants: Iterable[int]) -> dict[int, tuple[str, int | None]]:
    """Slug and current policy version of each tenant: read with each claim (law 2)."""
    found = tx.rows(
        "SELECT id, slug, policy_version FROM tenant WHERE id = ANY(%s)", [list(tenants)]
    )
    return {row["id"]: (row["slug"], row["policy_version"]) for row in found}
