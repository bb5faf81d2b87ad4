"""What the last day was like: our failures, what is still open, who was woken, what was loud."""

from __future__ import annotations

from scheduler.reports import _figures
from schemas.report import Column, Content, Table
from schemas.reporting import Cadence
from tocsin.domain import cadence, history

CADENCE: Cadence = "daily"
NOISE = 5


def build(facts: history.Facts, period: cadence.Period) -> Content:
    """The digest of a day, or whatever the period is."""
    going_on = [each for each in facts.incidents if each.state != "resolved"]
    night = _figures.at_night(facts)
    return Content(
        failures=_figures.failures(facts),
        figures=[
            *_figures.failed(facts),
            _figures.counted("incidents", (each.id for each in facts.incidents), "incidents"),
            _figures.counted("open", (each.id for each in going_on), "incidents"),
            _figures.acknowledged(facts)[0],
            _figures.resolved(facts)[0],
            _figures.missed(facts),
            _figures.counted("night", (each.id for each in night), "deliveries"),
        ],
        charts=[_figures.by_severity(facts)],
        tables=[_open(going_on), _figures.misses(facts), _figures.noise(facts, NOISE)],
    )


def _open(going_on: list[history.Incident]) -> Table:
    listed = going_on[: _figures.LISTED]
    return Table(
        key="open",
        columns=[Column(key=key) for key in ("title", "severity", "state")],
        rows=[[each.title, each.severity, each.state] for each in listed],
        kind="incidents",
        links=[each.id for each in listed],
    )
