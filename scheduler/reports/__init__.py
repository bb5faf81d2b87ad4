"""Reports: one file each, found by folder.

A report is one file ``scheduler/reports/<kind>.py`` that defines

``CADENCE: reporting.Cadence``
    How often it is made, and over which time, where the policy does not say.
``build(facts: history.Facts, period: cadence.Period) -> report.Content``
    Pure: the same facts give the same report. What we failed to do ourselves comes first.

Its words are in the catalogue: ``report.title_<kind>``, and for each figure ``report.figure_<key>``
with ``report.means_<key>``, which says how it is counted; likewise ``report.table_<key>``,
``report.column_<key>`` and ``report.chart_<key>``. ``tests/contracts/test_reports.py`` runs on
every report unasked. Files that begin with an underscore are no reports.
"""

from __future__ import annotations

import functools
from typing import Protocol, cast

from schemas import report
from schemas.reporting import Cadence
from tocsin import plugins
from tocsin.domain import cadence, history


class Kind(Protocol):
    """A module of this package."""

    CADENCE: Cadence

    def build(self, facts: history.Facts, period: cadence.Period) -> report.Content: ...


@functools.cache
def registry() -> dict[str, Kind]:
    """The reports that there are."""
    return cast("dict[str, Kind]", plugins.load("scheduler.reports", ("CADENCE", "build")))
