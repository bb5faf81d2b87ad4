"""Which groups of alerts belong to one incident, as a policy document says it."""

from __future__ import annotations

from pydantic import Field

from schemas.parts import Label, Name, Span, Written


class Nearness(Written):
    """How near two services must be in the service map."""

    hops: int = Field(1, ge=0, le=5, description="So many steps at most; 0: the same service.")


class Correlation(Written):
    """One rule; it has either `labels` or `services`."""

    name: Name = Field(description="How timelines call the rule.")
    labels: list[Label] = Field([], description="Groups join that have equal values of all these.")
    services: Nearness | None = Field(None, description="Groups join whose services are near.")
    window: Span | None = Field(
        None,
        description="How long after it opened, or last gained a group, an incident takes another."
        " Left out: ALERT_CORRELATION_WINDOW of the installation.",
    )
    matchers: list[str] = Field([], description="Only groups with these labels, on both sides.")
