"""Is this process alive, and can the installation do its work?"""

from __future__ import annotations

from datetime import datetime

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from schemas import api
from tocsin import errors
from tocsin.storage import figures
from tocsin.storage.record import Record
from tocsin.web import access, problems

router = APIRouter(tags=["health"])

#: Work that is due and untouched for longer than this, in seconds, means that nobody does it.
MAX_OVERDUE = 30.0


@router.get("/-/healthy", response_class=PlainTextResponse)
@router.get("/healthz", response_class=PlainTextResponse, include_in_schema=False)
@router.get("/livez", response_class=PlainTextResponse, include_in_schema=False)
async def healthy() -> PlainTextResponse:
    """This process lives. Asks nobody else."""
    return PlainTextResponse("OK")


@router.get(
    "/-/ready",
    response_class=PlainTextResponse,
    # With `model` it would be said to come as plain text.
    responses={
        503: {
            "description": "Not ready, and why.",
            "content": {"application/json": {"schema": api.Readiness.model_json_schema()}},
        }
    },
)
@router.get("/readyz", response_class=PlainTextResponse, include_in_schema=False)
def ready(request: Request, record: access.Recorded) -> Response:
    """The record answers and is migrated, and nothing that is due waits for longer than 30 s."""
    reasons = why_not(record, request.app.state.revision)
    if not reasons:
        return PlainTextResponse("OK")
    found = api.Readiness(ready=False, reasons=reasons, trace_id=problems.trace_id(request))
    return JSONResponse(found.model_dump(), 503, {"Retry-After": problems.RETRY_AFTER})


def why_not(record: Record, wanted: str) -> list[str]:
    """Why the installation is not ready, in words; empty when all is well.

    `wanted` is the revision of the database that this version needs.
    """
    try:
        with record.claims() as tx:
            has, due, now = figures.revision(tx), figures.due_work(tx), tx.now
    except (errors.RecordAway, psycopg.OperationalError):
        return ["the record (PostgreSQL) does not answer: start it, or check DATABASE_URL"]
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction):
        return ["the database was never migrated: run `tocsin migrate`"]
    reasons = []
    if has is not None and has != wanted:
        reasons.append(
            f"the database is at revision {has or '(none)'}, this version wants {wanted}: run"
            " `tocsin migrate`, or the newer version that migrated it"
        )
    return reasons + [_overdue(row["work"], row["queue"], row["oldest"], now) for row in due
                      if (now - row["oldest"]).total_seconds() > MAX_OVERDUE]  # fmt: skip


def _overdue(work: str, queue: str, oldest: datetime, now: datetime) -> str:
    seconds = (now - oldest).total_seconds()
    where = queue if queue in ("inbox", "timer") else f"queue {queue}"
    return f"{work} ({where}) has been due for {seconds:.0f} s: is a worker running for it?"
