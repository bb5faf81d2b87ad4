"""Alertmanager's list of groups: what is told together, with the alerts in it that fire."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
from fastapi import APIRouter, Response

from schemas import alertmanager as schema
from tocsin.domain import quieting, time_intervals
from tocsin.storage import firing
from tocsin.storage.record import Transaction
from tocsin.web import access
from tocsin.web.v2 import answers, seeing, streaming

router = APIRouter(tags=["alertmanager"])

Row = dict[str, Any]


@router.get(
    "/alerts/groups", response_model=list[schema.AlertGroup], responses=answers.responses(400)
)
def v2_groups(caller: access.Reader, record: access.Recorded, wanted: seeing.Wanted) -> Response:
    """The groups that have an alert that is asked for, by their labels and receivers."""
    view = seeing.view(record, caller.tenant)
    with record.session([caller.tenant]) as tx:
        rows = [_named(view, row) for row in firing.groups(tx, caller.tenant)]
    heard = sorted((row for row in rows if wanted.hears(row["receiver"])), key=_order)
    return streaming.array(_found(view, wanted, heard))


def _named(view: seeing.View, row: Row) -> Row:
    """A group as the policy in force has its route; one that is gone is as it was."""
    route = view.route(row["route"])
    return {
        **row,
        "receiver": row["receiver"] if route is None else route.receiver or row["receiver"],
        "hours": time_intervals.ALWAYS if route is None else route.hours,
        "labels": orjson.loads(row["labels"]),
    }


def _order(row: Row) -> tuple[int, list[tuple[str, str]], str]:
    return len(row["labels"]), sorted(row["labels"].items()), row["receiver"]


def _found(view: seeing.View, wanted: seeing.Asked, heard: Sequence[Row]) -> Iterator[Row]:
    for some in _portions(heard):
        pages = _members(view, wanted, some)
        for place, members in itertools.groupby(pages, key=lambda member: member[0]):
            group = some[place - 1]
            yield {
                "alerts": [alert for _, alert in members],
                "labels": group["labels"],
                "receiver": {"name": group["receiver"]},
            }


def _portions(heard: Sequence[Row]) -> Iterator[list[Row]]:
    """So many groups that their alerts make a page or so."""
    portion: list[Row] = []
    members = 0
    for row in heard:
        portion.append(row)
        members += row["members"]
        if members >= seeing.PAGE:
            yield portion
            portion, members = [], 0
    if portion:
        yield portion


def _members(
    view: seeing.View, wanted: seeing.Asked, some: Sequence[Row]
) -> Iterator[tuple[int, Row]]:
    """The alerts of these groups that are asked for, each with the place of its group."""
    place, after, ids = 0, "", [row["id"] for row in some]
    while True:
        with view.record.session([view.tenant]) as tx:
            rows = firing.members(tx, view.tenant, ids, place=place, after=after, limit=seeing.PAGE)
            firing_now = seeing.called(row for row in rows if row["fingerprint"])
            page = list(_page(tx, view, wanted, firing_now, some))
        yield from page
        if len(rows) < seeing.PAGE:
            return
        place, after = rows[-1]["place"], rows[-1]["member"]


def _page(
    tx: Transaction, view: seeing.View, wanted: seeing.Asked, rows: Sequence[Row],
    some: Sequence[Row],
) -> Iterator[tuple[int, Row]]:  # fmt: skip
    inhibited = view.inhibited(tx, rows)
    quiet: dict[int, quieting.Quiet] = {}
    for row in rows:
        place = row["place"]
        if place not in quiet:
            hours = some[place - 1]["hours"]
            quiet[place] = quieting.Quiet(hours, view.silences, inhibited, tx.now)
        held = quieting.apart(quiet[place].holds(row["fingerprint"], row["called"]))
        if wanted.wants(row["called"], held):
            # As the original: those that are not asked for are not named either.
            every = (str(route.receiver) for route in view.routes(row["called"]))
            receivers = sorted(name for name in every if wanted.hears(name))
            yield place, seeing.shown(row, held, receivers)
