"""Evaluate: the tenant's rules have their say; without rules every change goes on as it is."""

from __future__ import annotations

from actors import _line
from tocsin.domain.change import Change
from tocsin.storage import events


@_line.stage
def evaluate(load: _line.Load, changes: list[Change]) -> list[Change]:
    """Pass on the changes of tenants that have a policy; the others end here with "no route"."""
    lost = [change for change in changes if load.tenants[change.tenant].policy is None]
    if lost:
        events.settle(
            load.tx,
            [
                {"tenant": c.tenant, "id": c.event, "outcome": "no_route", "cause": "no policy"}
                for c in lost
            ],
            min(change.received_at for change in lost),
        )
    return [change for change in changes if load.tenants[change.tenant].policy is not None]
