"""A change of an alert on its way through the stages."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from schemas.alert import Severity, Status


@dataclass(slots=True)
class Change:
    """One event and what the stages need to know of its alert.

    `outcome` and `cause` are set by the stage that ends the change's way; None: it goes on.
    """

    tenant: int
    fingerprint: str
    event: int
    received_at: datetime
    kind: str
    status: Status
    severity: Severity
    labels: dict[str, str]
    starts_at: datetime
    extra: dict[str, str] = field(default_factory=dict)
    policy_version: int | None = None
