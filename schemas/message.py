"""What a channel is asked to tell: a snapshot taken when the decision to notify was made."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.alert import Severity, Status

#: Why a group speaks. "acknowledged" goes only to channels that update in place; "escalated" is
#: said by the later steps of an escalation, for nobody has acted; "handed_over" to the one person
#: who was given an incident.
Reason = Literal[
    "first", "new_alerts", "resolved", "repeat", "reopened", "acknowledged", "escalated",
    "handed_over",
]  # fmt: skip


class AlertView(BaseModel):
    """One alert as a reader sees it."""

    model_config = ConfigDict(frozen=True)

    fingerprint: str
    status: Status
    labels: dict[str, str]
    annotations: dict[str, str] = {}
    severity: Severity = "none"
    starts_at: datetime
    ends_at: datetime | None = None
    generator_url: str = ""


class Message(BaseModel):
    """One notification about one group of alerts, or about the whole incident of several groups.

    It is of the whole incident where a channel keeps one message up to date; the ``state`` is the
    incident's in any case. ``alerts`` is bounded; ``truncated`` counts those left out. ``firing``
    and ``resolved`` count all. ``why`` is a sentence for the reader, ``notes`` are further ones
    (what is missing, what is odd). ``url`` leads to the incident in Tocsin, ``act_url``, in a page
    to a person, to where that person can acknowledge it without signing in.
    ``acknowledged_until`` is when it opens again if it is not resolved.

    What differs by recipient is filled in when it is sent: ``because`` says in a few words why just
    they are told (it stands in ``why`` too; a short message shows it alone), ``caution`` what is
    wrong with this way to them (it is one of ``notes`` too), ``zone`` where they live. A message
    with a ``code`` is a test page: about no incident, to be confirmed with that code.
    """

    model_config = ConfigDict(frozen=True)

    tenant: str
    receiver: str
    group_key: str
    incident_id: str
    state: Literal["open", "acknowledged", "resolved"]
    reason: Reason
    title: str
    severity: Severity
    why: str
    notes: list[str] = []
    acknowledged_by: str | None = None
    acknowledged_until: datetime | None = None
    group_labels: dict[str, str] = {}
    common_labels: dict[str, str] = {}
    common_annotations: dict[str, str] = {}
    runbook: str | None = None
    owner: str | None = None
    alerts: list[AlertView] = []
    firing: int = 0
    resolved: int = 0
    truncated: int = 0
    opened_at: datetime
    at: datetime
    url: str = ""
    act_url: str = ""
    because: str = ""
    caution: str = ""
    zone: str = "UTC"
    code: str = ""

    @property
    def over(self) -> bool:
        """True when nothing that is told of fires any more; the incident may go on elsewhere."""
        return self.state == "resolved" or not self.firing
