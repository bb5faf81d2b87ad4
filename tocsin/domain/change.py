"""A change of an alert on its way through the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from schemas.alert import Severity, Status


@dataclass(slots=True)
class Change:
    """One event and what the stages need to know of its alert.

    ``labels`` are the original ones, which make its identity. ``added`` is what enrichment and
    ``ruled`` what rules put over them; a change that fires gets both anew, one that is over keeps
    those under which it was told of. ``extra`` are facts for the reader, such as the runbook.
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
    annotations: dict[str, str] = field(default_factory=dict)
    source: str = ""
    extra: dict[str, str] = field(default_factory=dict)
    added: dict[str, str] = field(default_factory=dict)
    ruled: dict[str, str] = field(default_factory=dict)
    policy_version: int | None = None
    #: A rule said that nobody is to be told: it goes on only to leave the groups that it is in.
    dropped: bool = False

    @property
    def effective(self) -> dict[str, str]:
        """The labels that routes, groups, silences and people see."""
        return effective(self.labels, self.added, self.ruled)


def effective(
    labels: Mapping[str, str], added: Mapping[str, str], ruled: Mapping[str, str]
) -> dict[str, str]:
    """Original labels with what enrichment added and rules set; an empty value takes one away."""
    if not added and not ruled:
        return dict(labels)
    merged = {**labels, **added, **ruled}
    return {name: value for name, value in merged.items() if value}


@dataclass(slots=True)
class Repeat:
    """An alert that was sent again with nothing new, so many times; the change is of no event."""

    change: Change
    times: int
    first: datetime
    last: datetime
