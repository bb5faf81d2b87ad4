"""What tests of rules share: tenants with rules, and what the record has of their alerts."""

from __future__ import annotations

from typing import Any

from tests.actors.conftest import POLICY, Hall, Tenant


def ruled(hall: Hall, rules: str, base: str = POLICY) -> Tenant:
    return hall.tenant(f"{base}rules:\n{rules}")


def stored(tenant: Tenant, name: str = "Disk") -> dict[str, Any]:
    (row,) = tenant.rows("SELECT * FROM alert WHERE labels LIKE %s", f'%"{name}"%')
    return row


def named(tenant: Tenant, name: str) -> list[str]:
    """The states of the alerts of this name, by their labels."""
    return tenant.column(
        "SELECT status FROM alert WHERE labels LIKE %s ORDER BY labels", f'%"alertname":"{name}"%'
    )


def states(tenant: Tenant) -> int:
    return int(tenant.one("SELECT count(*) FROM rule_state"))
