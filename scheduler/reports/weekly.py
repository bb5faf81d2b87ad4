"""How well we kept what we promise: our own failures, times, service levels, nights, noise."""

from __future__ import annotations

from scheduler.reports import _figures
from schemas.report import Content
from schemas.reporting import Cadence
from tocsin.domain import cadence, history

CADENCE: Cadence = "weekly"
NOISE, ALERTS = 10, 20


def build(facts: history.Facts, period: cadence.Period) -> Content:
    """The report over a week, or whatever the period is."""
    night = _figures.at_night(facts)
    return Content(
        failures=_figures.failures(facts),
        figures=[
            *_figures.failed(facts),
            _figures.counted("incidents", (each.id for each in facts.incidents), "incidents"),
            *_figures.acknowledged(facts),
            *_figures.resolved(facts),
            _figures.missed(facts),
            _figures.acted(facts),
            _figures.counted("night", (each.id for each in night), "deliveries"),
        ],
        charts=[_figures.volume(facts, period), _figures.by_severity(facts)],
        tables=[
            _figures.misses(facts),
            _figures.people(facts),
            _figures.noise(facts, NOISE),
            _figures.alerts("alerts", facts.alerts[:ALERTS]),
        ],
    )
