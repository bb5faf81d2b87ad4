"""Enrich: what the tenant's tables say about an alert: its runbook, its owner."""

from __future__ import annotations

import orjson

from actors import _line
from tocsin.domain import enrichment
from tocsin.domain.change import Change
from tocsin.storage import alerts


@_line.stage
def enrich(load: _line.Load, changes: list[Change]) -> list[Change]:
    """Look each change up and store what was found beside the alert."""
    found = []
    for change in changes:
        policy = load.tenants[change.tenant].policy
        change.extra = enrichment.lookup(policy.enrichment, change.labels) if policy else {}
        if change.extra:
            found.append({
                "tenant": change.tenant,
                "fingerprint": change.fingerprint,
                "extra": orjson.dumps(change.extra).decode(),
            })  # fmt: skip
    found.sort(key=lambda item: (item["tenant"], item["fingerprint"]))
    alerts.set_extra(load.tx, found)
    return changes
