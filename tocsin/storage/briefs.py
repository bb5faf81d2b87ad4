"""What the record knows about one claimed delivery, read in one statement: claims are frequent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tocsin.storage.record import Transaction

LOOK = """
SELECT t.slug, t.policy_version AS version, n.reason, n.message, n.policy_version AS planned_with,
  n.events, n.events_since, n.created_at AS planned_at, i.generation,
  coalesce(i.acknowledged_by, i.resolved_by, 'resolved') AS by, told.ref,
  ARRAY(SELECT address FROM refused_address
    WHERE tenant = %(tenant)s AND channel = %(channel)s) AS refused,
  EXISTS (SELECT FROM circuit WHERE tenant = %(tenant)s AND channel = %(channel)s
    AND destination = %(destination)s AND failures > 0) AS troubled
FROM notification n JOIN tenant t ON t.id = n.tenant
LEFT JOIN incident i ON i.tenant = %(tenant)s AND i.id = %(incident_id)s
LEFT JOIN told ON told.tenant = %(tenant)s AND told.group_id = %(group_id)s
  AND told.integration = %(integration)s AND told.incident_id = %(incident_id)s
WHERE n.tenant = %(tenant)s AND n.id = %(notification_id)s
"""


@dataclass(frozen=True, slots=True)
class Brief:
    """`version`: of the policy in force; `planned_with`: the one that its notification was
    planned with. `message` is sealed."""

    slug: str
    version: int | None
    reason: str
    message: bytes
    planned_with: int
    events: list[int]
    events_since: datetime
    planned_at: datetime
    #: Of the incident, and who acted last; None: it is about none.
    generation: int | None
    by: str
    #: The provider's reference of the first message of this line about this incident.
    ref: str | None
    #: Addresses of this channel that want silence.
    refused: list[str]
    #: Its destination failed lately: look at its circuit, under its lock.
    troubled: bool


def look(tx: Transaction, delivery: Mapping[str, Any]) -> Brief:
    """What there is to know; ask after the claim, so that an act that came before it is seen."""
    row = tx.row(LOOK, delivery)
    assert row is not None
    return Brief(**row)
