"""Alerts over HTTP: searched with Alertmanager's matchers, and each with its story."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from schemas import api
from schemas.alert import Severity, Status
from tocsin import errors, i18n
from tocsin.domain import enrichment, matchers, suppression
from tocsin.storage import labels, scores, search, silences
from tocsin.storage.record import Transaction
from tocsin.web import access, holding, paging, scored

router = APIRouter(tags=["alerts"])

#: Rows that one request looks at; a page may be short of its limit then, with a `next`.
SCAN = 20_000
MAX_FILTERS = 20
MAX_FILTER = 2000
#: A value that an index may not hold is compared here instead of looked up.
INDEXED = 500

Filters = Annotated[
    tuple[str, ...],
    Query(
        alias="filter",
        max_length=MAX_FILTERS,
        description='Matchers that all must hold: `severity="critical"`, `instance=~"db-.*"`.',
    ),
]


@router.get("/alerts")
def list_alerts(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    filters: Filters = (),
    status: Annotated[tuple[Status, ...], Query()] = (),
    severity: Annotated[tuple[Severity, ...], Query()] = (),
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[api.AlertItem]:
    """The alerts that match all filters, those that started last first."""
    wanted = parse(filters, "query/filter")
    bound = paging.mark(request, caller.tenant)
    with record.session([caller.tenant]) as tx:
        rows = search.alerts(
            tx,
            caller.tenant,
            equal=equalities(wanted),
            statuses=status,
            severities=severity,
            after=_after(bound, cursor),
        )
        found, following = _page(rows, wanted, limit, bound)
        items = describe(tx, caller.tenant, found)
    paging.link(request, response, following)
    return api.Page(items=items, next=following)


@router.get("/alerts/{fingerprint}")
def show_alert(fingerprint: str, caller: access.Reader, record: access.Recorded) -> api.AlertDetail:
    """One alert: what silences it now, its changes with their explanations, groups, incidents."""
    missing = errors.NotFound("there is no such alert in this tenant; `GET /alerts` lists them")
    if "\0" in fingerprint:
        raise missing
    with record.session([caller.tenant]) as tx:
        row = search.alert(tx, caller.tenant, fingerprint)
        if row is None:
            raise missing
        [item] = describe(tx, caller.tenant, [row])
        events = search.events(tx, caller.tenant, fingerprint)
        held = holding.sentences(tx, caller.tenant, events)
        return api.AlertDetail(
            **item.model_dump(),
            events=[_event(event, held) for event in events],
            groups=[_group(group) for group in search.groups(tx, caller.tenant, fingerprint)],
            incidents=[
                api.IncidentRef(**{**found, "id": str(found["id"])})
                for found in search.incidents_of(tx, caller.tenant, fingerprint)
            ],
        )


def parse(texts: Sequence[str], pointer: str) -> tuple[matchers.Matcher, ...]:
    """Each text is one matcher, or several in braces. Raises Invalid that names the bad ones."""
    found: list[matchers.Matcher] = []
    problems: list[tuple[str, str]] = []
    for number, text in enumerate(texts):
        try:
            found += _parse(text)
        except ValueError as error:
            problems.append((f"{pointer}/{number}", str(error)))
    if problems:
        raise errors.Invalid(problems)
    return tuple(found)


def describe(tx: Transaction, tenant: int, rows: Sequence[dict[str, Any]]) -> list[api.AlertItem]:
    """Rows of alerts as the API shows them, with what silences each of them now."""
    filed = suppression.index(map(silences.read, silences.active(tx, [tenant], tx.now)))
    given = scores.of(tx, [(tenant, row["fingerprint"]) for row in rows])
    return [
        _item(row, filed, tx.now).model_copy(
            update={"score": scored.item(row, given.get((tenant, row["fingerprint"])))}
        )
        for row in rows
    ]


def _parse(text: str) -> Sequence[matchers.Matcher]:
    if len(text) > MAX_FILTER:
        raise ValueError(f"longer than {MAX_FILTER} characters")
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    return matchers.parse_list(text) if text.lstrip().startswith("{") else (matchers.parse(text),)


def equalities(wanted: Sequence[matchers.Matcher]) -> list[tuple[str, str]]:
    """What the table of labels can answer; an empty value may also mean that there is no label."""
    return [
        (one.name, one.value)
        for one in wanted
        if one.op == "=" and one.value and len(one.value.encode()) <= INDEXED
    ]


def _after(bound: str, cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    started, fingerprint = paging.decode(bound, cursor, 2)
    try:
        at = datetime.fromisoformat(started)
        at.timestamp()
    except (ValueError, OverflowError) as error:
        raise errors.BadRequest(paging.REFUSED) from error
    if at.tzinfo is None:
        raise errors.BadRequest(paging.REFUSED)
    return at, fingerprint


def _page(
    rows: Iterator[dict[str, Any]], wanted: Sequence[matchers.Matcher], limit: int, bound: str
) -> tuple[list[dict[str, Any]], str | None]:
    """The first `limit` rows that match, and the cursor behind them if there may be more."""
    found: list[dict[str, Any]] = []
    last: dict[str, Any] | None = None
    for number, row in enumerate(rows):
        if last is not None and (len(found) == limit or number == SCAN):
            return found, paging.encode(bound, [last["starts_at"], last["fingerprint"]])
        if not wanted or matchers.matches(wanted, labels.of(row)):
            found.append(row)
        last = row
    return found, None


def _item(row: dict[str, Any], filed: suppression.Index, now: datetime) -> api.AlertItem:
    now_called = labels.of(row)
    by = suppression.silenced_by(filed, now_called, now)
    return api.AlertItem(
        **{
            **row,
            "labels": now_called,
            "expired": row["status"] == "resolved" and row["expires_at"] is not None,
            "added": {**labels.pairs(row["added"]), **labels.pairs(row["ruled"])},
            "annotations": orjson.loads(row["annotations"]),
            "extra": enrichment.facts(labels.pairs(row["extra"])),
            "silenced_by": [id for id in by if id not in filed.windows],
            "muted_by": [id for id in by if id in filed.windows],
        }
    )


def _event(row: dict[str, Any], held: Mapping[str, str]) -> api.EventItem:
    outcome = row["outcome"] or "pending"
    sentence = i18n.say(f"outcome.{outcome}")
    if row["kind"] == "expired":
        sentence = i18n.say("expiry.event") + " " + sentence
    if row["cause"]:
        cause = held.get(row["cause"], row["cause"])
        sentence += " " + i18n.say("outcome.because", cause=cause)
    return api.EventItem(**{**row, "outcome": outcome, "sentence": sentence})


def _group(row: dict[str, Any]) -> api.GroupItem:
    return api.GroupItem(
        id=str(row["id"]),
        route=row["route"],
        receiver=row["receiver"],
        labels=orjson.loads(row["labels"]),
        muted_by=row["muted_by"] or [],
    )
