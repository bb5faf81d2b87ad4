"""Alertmanager's list of alerts: all that fire, by fingerprint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter, Response

from schemas import alertmanager as schema
from tocsin.domain import quieting, time_intervals
from tocsin.storage import firing
from tocsin.storage.record import Transaction
from tocsin.web import access
from tocsin.web import alerts as searched
from tocsin.web.v2 import answers, seeing, streaming

router = APIRouter(tags=["alertmanager"])


@router.get("/alerts", response_model=list[schema.GettableAlert], responses=answers.responses(400))
def v2_alerts(caller: access.Reader, record: access.Recorded, wanted: seeing.Wanted) -> Response:
    """All alerts that fire. POST is the ingest's."""
    view = seeing.view(record, caller.tenant)
    return streaming.array(_found(view, wanted))


def _found(view: seeing.View, wanted: seeing.Asked) -> Iterator[dict[str, Any]]:
    equal, after = searched.equalities(wanted.conditions), ""
    while True:
        with view.record.session([view.tenant]) as tx:
            rows = seeing.called(firing.alerts(
                tx, view.tenant, equal=equal, after=after, limit=seeing.PAGE
            ))  # fmt: skip
            page = list(_page(tx, view, wanted, rows))
        yield from page
        if len(rows) < seeing.PAGE:
            return
        after = rows[-1]["fingerprint"]


def _page(
    tx: Transaction, view: seeing.View, wanted: seeing.Asked, rows: list[dict[str, Any]]
) -> Iterator[dict[str, Any]]:
    quiet = view.quiet(tx, rows, time_intervals.ALWAYS)
    dropped = firing.dropped(
        tx, view.tenant, [row["fingerprint"] for row in rows if not row["grouped"]]
    )
    for row in rows:
        mark, called = row["fingerprint"], row["called"]
        routes = [] if mark in dropped else view.routes(called)
        held = quieting.apart(quiet.holds(mark, called))
        if mark in dropped:
            held = held._replace(intervals=(seeing.RULE + dropped[mark],))
        else:
            held = held._replace(intervals=_closed([route.hours for route in routes], tx))
        receivers = [str(route.receiver) for route in routes]
        heard = wanted.receiver is None or any(map(wanted.hears, receivers))
        if heard and wanted.wants(called, held):
            yield seeing.shown(row, held, receivers)


def _closed(hours: list[time_intervals.Hours], tx: Transaction) -> tuple[str, ...]:
    """What keeps all the routes of an alert quiet; one that speaks is enough for it to be told."""
    closed = [time_intervals.muted_by(each, tx.now) for each in hours]
    names = dict.fromkeys(name for some in closed for name in some)
    return tuple(names) if closed and all(closed) else ()
