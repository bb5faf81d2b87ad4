"""Heartbeats and freshness as people write them: what must be heard, and what gets too old."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from schemas import cron
from schemas.alert import Severity
from schemas.parts import Duration, Label, Span, Written
from schemas.people import Zone

#: It stands in addresses, in labels and in what people type.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$"
GRACE = timedelta(minutes=1)
_SHORTEST = timedelta(seconds=1)
#: A firing alert that ends sooner than this is taken for one that is over.
_FRESH = timedelta(minutes=2)

Value = Annotated[str, Field(max_length=4096)]


def _cron(text: str) -> str:
    cron.parse(text)
    return text


class Heartbeat(Written):
    """Something that must be heard again and again; when it is not, an alert is raised."""

    name: Annotated[str, Field(pattern=NAME)] = Field(
        description="How people call it, such as `nightly-backup`."
    )
    every: Span | None = Field(None, description="How often it is heard, such as `5m`.")
    cron: Annotated[str, AfterValidator(_cron)] | None = Field(
        None, description="Instead of `every`: when it is heard, such as `0 3 * * *`."
    )
    zone: Zone = Field("UTC", description="Where the times of `cron` are, such as `Europe/Berlin`.")
    grace: Duration = Field(
        GRACE,
        description="So much later it is missing. A job that says when it starts must end so long"
        " after.",
    )
    matchers: list[str] = Field(
        [], max_length=50, description="An alert that matches, such as Watchdog, is its ping."
    )
    severity: Severity = Field("critical", description="How bad it is when it is missing.")
    labels: dict[Label, Value] = Field(
        {}, max_length=50, description="Labels of the alert that is raised, beside `heartbeat`."
    )

    @model_validator(mode="after")
    def _rhythm(self) -> Heartbeat:
        if (self.every is None) == (self.cron is None):
            raise ValueError("say either `every` or `cron`")
        if self.every is not None and self.every < _SHORTEST:
            raise ValueError("`every` must be 1s or longer")
        return self


def _long_enough(span: timedelta) -> timedelta:
    if span < _FRESH:
        raise ValueError("must be 2m or longer: senders post only now and then")
    return span


class Freshness(Written):
    """Alerts of senders that never say that something is over."""

    matchers: list[str] = Field(min_length=1, max_length=50, description="Which ones; all hold.")
    stale_after: Annotated[Duration, AfterValidator(_long_enough)] = Field(
        description="So long after it was posted last such an alert is over, unless its sender"
        " named an end."
    )
