"""Reports over HTTP: those that were made, what is in them and behind them, and one more now."""

from __future__ import annotations

import uuid
import zoneinfo
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request, Response

from scheduler import reporting
from scheduler import reports as plugins
from schemas import api
from schemas import report as schema
from tocsin import errors
from tocsin.domain import cadence
from tocsin.security import audit, tokens
from tocsin.storage import policies, reports
from tocsin.storage.record import Transaction
from tocsin.web import access, in_force, paging

router = APIRouter(tags=["reports"])

Form = Literal["json", "html", "csv"]
FORMS: tuple[Form, ...] = ("json", "html", "csv")
TYPES: dict[str, str] = {"html": "text/html; charset=utf-8", "csv": "text/csv; charset=utf-8"}
#: A page of ours with its own colours, and nothing else: no script, nothing from elsewhere.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox"
#: What a period is where nobody says.
LAST: dict[str, str] = {"daily": "last-day", "weekly": "last-week", "monthly": "last-month"}


@router.get("/analytics/reports")
def list_reports(
    request: Request,
    response: Response,
    caller: access.Reader,
    record: access.Recorded,
    kind: Annotated[str | None, Query(max_length=80, description="Only of this kind.")] = None,
    limit: paging.Limit = 50,
    cursor: paging.Cursor = None,
) -> api.Page[schema.ReportItem]:
    """The reports that were made, newest first."""
    bound = paging.mark(request, caller.tenant)
    after = paging.decode_id(bound, cursor)
    with record.session([caller.tenant]) as tx:
        rows = reports.listed(tx, caller.tenant, kind=kind, after=after, limit=limit + 1)
    following = paging.encode(bound, [rows[limit - 1]["id"]]) if len(rows) > limit else None
    paging.link(request, response, following)
    return api.Page(items=[_item(row) for row in rows[:limit]], next=following)


@router.post("/analytics/reports", status_code=201)
def make_report(
    request: Request,
    response: Response,
    body: schema.NewReport,
    caller: access.Admin,
    record: access.Recorded,
) -> schema.ReportDetail:
    """Make a report now, of the kind's usual time or another; it is kept, and sent to nobody."""

    def work() -> schema.ReportDetail:
        with record.session([caller.tenant]) as tx:
            order = _order(request, tx, caller, body)
            made = reporting.make(tx, order)
            assert made is not None
            detail = {"kind": body.kind, "period": body.period, "zone": body.zone}
            audit.record(tx, caller.tenant, access.actor(caller), "report.make", str(made), detail)
            return _detail(tx, caller.tenant, _row(tx, caller.tenant, str(made)))

    found = record.again(work)
    response.headers["Location"] = f"{request.url.path}/{found.id}"
    return found


@router.get("/analytics/reports/{report}", response_model=schema.ReportDetail)
def show_report(
    request: Request, report: str, caller: access.Reader, record: access.Recorded
) -> Any:
    """One report: its figures as JSON, or as HTML or CSV by `Accept` or by `.html` and `.csv`."""
    name, form = _form(report, request.headers.get("accept", ""))
    with record.session([caller.tenant]) as tx:
        row = _row(tx, caller.tenant, name)
        if form == "json":
            return _detail(tx, caller.tenant, row)
    file = f"{row['kind']}-{row['starts_at']:%Y-%m-%d}.{form}"
    where = "inline" if form == "html" else "attachment"
    headers = {"Content-Disposition": f'{where}; filename="{file}"'}
    if form == "html":
        headers["Content-Security-Policy"] = POLICY
    return Response(reporting.unpacked(row[form]), media_type=TYPES[form], headers=headers)


@router.get("/analytics/reports/{report}/rows")
def show_rows(
    report: str,
    caller: access.Reader,
    record: access.Recorded,
    figure: Annotated[str, Query(max_length=80, description="Its key.")] = "incidents",
) -> schema.Behind:
    """What a figure was counted from, each with the address at which it is shown."""
    with record.session([caller.tenant]) as tx:
        row = _row(tx, caller.tenant, report)
    for each in reporting.content(row["content"]).figures:
        if each.key == figure:
            items = [{"id": id, "url": f"/api/v1/{each.kind}/{id}"} for id in each.rows]
            return schema.Behind(figure=figure, kind=each.kind, more=each.more, items=items)
    raise errors.NotFound("there is no such figure in this report")


def _order(
    request: Request, tx: Transaction, caller: tokens.Caller, body: schema.NewReport
) -> reporting.Order:
    """What somebody asks for. Raises Invalid."""
    kind = plugins.registry().get(body.kind)
    if kind is None:
        known = ", ".join(plugins.registry())
        raise errors.Invalid([("#/kind", f"there is no report {body.kind!r}; there are {known}")])
    try:
        zoneinfo.ZoneInfo(body.zone)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        said = "not a time zone: write it like Europe/Berlin or UTC"
        raise errors.Invalid([("#/zone", said)]) from None
    try:
        period = cadence.named(body.period or LAST[kind.CADENCE], tx.now, body.zone)
    except ValueError as error:
        raise errors.Invalid([("#/period", str(error))]) from error
    row = policies.current(tx, caller.tenant)
    return reporting.Order(
        caller.tenant, caller.slug, body.kind, period, in_force.policy(tx, caller.tenant),
        row["version"] if row else None,
        request.app.state.settings.public_url,
    )  # fmt: skip


def _form(report: str, accept: str) -> tuple[str, Form]:
    """The id and the form that is wanted; what stands in the address goes before the header."""
    name, _, suffix = report.rpartition(".")
    for form in FORMS:
        if suffix == form:
            return name, form
    for part in accept.split(","):
        wanted = part.partition(";")[0].strip().lower()
        if wanted in ("application/json", "*/*"):
            break
        if wanted in ("text/html", "text/csv"):
            return report, "html" if wanted == "text/html" else "csv"
    return report, "json"


def _row(tx: Transaction, tenant: int, report: str) -> dict[str, Any]:
    found = reports.get(tx, tenant, paging.identifier(report, "report"))
    if found is None:
        raise errors.NotFound("there is no such report in this tenant")
    return found


def _item(row: dict[str, Any]) -> schema.ReportItem:
    return schema.ReportItem(**_shown(row))


def _detail(tx: Transaction, tenant: int, row: dict[str, Any]) -> schema.ReportDetail:
    base = f"/api/v1/analytics/reports/{row['id']}"
    content = reporting.content(row["content"])
    links = {"html": f"{base}.html", "csv": f"{base}.csv"}
    links |= {each.key: f"{base}/rows?figure={each.key}" for each in content.figures}
    letters = [schema.LetterItem(**{key: each[key] for key in schema.LetterItem.model_fields})
               for each in reports.letters(tx, tenant, row["id"])]  # fmt: skip
    return schema.ReportDetail(**_shown(row), content=content, letters=letters, links=links)


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    shown = {key: row[key] for key in schema.ReportItem.model_fields if key in row}
    id: uuid.UUID = row["id"]
    return {**shown, "id": str(id), "title": reporting.title(row["kind"], row["locale"])}
