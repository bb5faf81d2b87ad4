"""A report as it is kept and shown: figures with what is behind each, tables and charts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

#: How a value is read: a number, seconds, or a share between 0 and 1.
Unit = Literal["count", "seconds", "share"]
#: What the rows behind a figure are.
RowKind = Literal["incidents", "deliveries", "alerts", "none"]
Cell = str | int | float | None


class Figure(BaseModel):
    """One number. `value` is null where nothing can be said, which is not zero."""

    key: str
    value: float | None
    unit: Unit = "count"
    kind: RowKind = "none"
    rows: list[str] = Field([], description="The ids of what it was counted from.")
    more: int = Field(0, description="How many further rows are not listed.")


class Column(BaseModel):
    """One column of a table; `unit` says how its values are read, null: as text."""

    key: str
    unit: Unit | None = None


class Table(BaseModel):
    """Rows below a heading; `links` has for each row what it leads to, or nothing."""

    key: str
    columns: list[Column]
    rows: list[list[Cell]] = []
    kind: RowKind = "none"
    links: list[str] = []


class Point(BaseModel):
    label: str
    value: float


class Chart(BaseModel):
    """Bars. The same values stand below it as text."""

    key: str
    unit: Unit = "count"
    points: list[Point] = []


class Content(BaseModel):
    """What a plug-in made of the facts: first what we failed to do ourselves."""

    failures: Table
    figures: list[Figure]
    charts: list[Chart] = []
    tables: list[Table] = []


class ReportItem(BaseModel):
    """A report that is kept. `schedule` is null where somebody asked for it."""

    id: str
    kind: str
    schedule: str | None = None
    title: str
    starts_at: datetime
    ends_at: datetime
    zone: str
    policy_version: int | None = None
    created_at: datetime


class LetterItem(BaseModel):
    """One letter with a report in it, and what became of it."""

    address: str
    state: Literal["pending", "sent", "dead"]
    attempts: int
    cause: str | None = None
    finished_at: datetime | None = None


class ReportDetail(ReportItem):
    """A report with all that is in it, and to whom it went."""

    content: Content
    letters: list[LetterItem] = []
    links: dict[str, str] = Field({}, description="Where each figure's rows, HTML and CSV are.")


class Behind(BaseModel):
    """The rows that a figure was counted from."""

    figure: str
    kind: RowKind
    more: int
    items: list[dict[str, Any]]


class NewReport(BaseModel):
    """Which report to make now, and over which time."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(min_length=1, max_length=80, description="Such as `weekly`.")
    period: str | None = Field(
        None, max_length=40,
        description="`last-day`, `last-week`, `last-month`, `this-day`, `this-week`, `this-month`,"
        " or two days such as 2026-11-01/2026-11-08, the second not included. Left out: as the"
        " kind has it.",
    )  # fmt: skip
    zone: str = Field("UTC", max_length=100, description="Where its days begin.")
