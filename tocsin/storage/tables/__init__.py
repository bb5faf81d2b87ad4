"""Every table of the record. Each key begins with the tenant; queries live in the files beside.

Nothing at run time imports this package: it is what migrations are written from, and a test holds
the migrated database equal to it.
"""

from __future__ import annotations

from tocsin.storage.tables import (
    alerts,
    arrivals,
    callbacks,
    contacts,
    deliveries,
    escalations,
    figures,
    floods,
    heartbeats,
    incidents,
    inhibitors,
    lookups,
    oncall,
    reports,
    rules,
    scoring,
    silences,
    storms,
    tenancy,
    watching,
)

__all__ = [
    "alerts",
    "arrivals",
    "callbacks",
    "contacts",
    "deliveries",
    "escalations",
    "figures",
    "floods",
    "heartbeats",
    "incidents",
    "inhibitors",
    "lookups",
    "oncall",
    "reports",
    "rules",
    "scoring",
    "silences",
    "storms",
    "tenancy",
    "watching",
]
