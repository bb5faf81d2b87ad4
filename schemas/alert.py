"""One alert as it travels from the ingest endpoint through the pipeline."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Status = Literal["firing", "resolved"]
Severity = Literal["critical", "error", "warning", "info", "none"]

#: Higher is worse. Used for the rank of an incident and for "urgent first".
SEVERITY_RANK: dict[str, int] = {"none": 0, "info": 1, "warning": 2, "error": 3, "critical": 4}


class Alert(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A canonical alert, already within bounds.

    ``fingerprint`` is Alertmanager's (16 hex digits over the *original* labels, before anything
    was cut). ``starts_at`` is None where the sender did not set it. ``ends_at`` of a resolved
    alert is when it ended; of a firing one it is the moment at which it expires unless it is
    posted again (None: it never expires by itself). ``cut`` names the fields that were shortened.
    ``open_ended``: the sender named no end, so that ``ends_at`` is only our resolve_timeout.
    """

    fingerprint: str
    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    severity: Severity
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    generator_url: str = ""
    cut: tuple[str, ...] = ()
    open_ended: bool = False


class Batch(msgspec.Struct, frozen=True, array_like=True):
    """The accepted alerts of one request, in the order in which they stood there."""

    source: str
    alerts: list[Alert]


class Rejected(msgspec.Struct, frozen=True):
    """An alert that could not be read: which one, which field, why, and its original bytes."""

    index: int
    field: str
    reason: str
    raw: bytes
