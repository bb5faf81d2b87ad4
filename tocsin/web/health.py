"""Is this process alive, and can the installation do its work?"""

from __future__ import annotations

import psycopg
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from schemas import api
from tocsin import errors
from tocsin.storage import due, figures, progress
from tocsin.storage.record import Record
from tocsin.web import access, problems

router = APIRouter(tags=["health"])

#: Work that is due and untouched for longer than this, in seconds, means that nobody does it.
MAX_OVERDUE = 30.0
#: The same of timers that keep nobody waiting for a page and come many at a time: every incident
#: has a clock when the policy changes, every tenant a report on Monday at eight.
PATIENT = {"level": 300.0, "report": 600.0}
#: What is not scored in time goes without a score; nothing waits for it.
UNHURRIED = ("score",)
#: A loop of the clock that has done nothing for longer than this stands still.
MAX_SILENT = 30.0


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
    """The record answers and is migrated, nothing is due for longer than 30 s, the clock goes."""
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
            has = figures.revision(tx)
            if has is not None and has != wanted:
                return [
                    f"the database is at revision {has or '(none)'}, this version wants {wanted}:"
                    " run `tocsin migrate`, or the newer version that migrated it"
                ]
            late, loops, now = due.late(tx), progress.ages(tx), tx.now
    except (errors.RecordAway, psycopg.OperationalError):
        return ["the record (PostgreSQL) does not answer: start it, or check DATABASE_URL"]
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedFunction):
        return ["the database was never migrated: run `tocsin migrate`"]
    overdue = [(item, (now - item.oldest).total_seconds()) for item in late]
    return [
        *(_overdue(item, seconds) for item, seconds in overdue if seconds > _most(item)),
        *(_silent(row["loop"], row["age"]) for row in loops
          if row["loop"].startswith(progress.CLOCK) and row["age"] > MAX_SILENT),
    ]  # fmt: skip


def _most(item: due.Due) -> float:
    if item.work in UNHURRIED:
        return float("inf")
    return PATIENT.get(item.work, MAX_OVERDUE) if item.kind == "timer" else MAX_OVERDUE


def _overdue(item: due.Due, seconds: float) -> str:
    where = item.kind if item.kind in ("inbox", "timer") else f"queue {item.kind}"
    return f"{item.work} ({where}) has been due for {seconds:.0f} s: is a worker running for it?"


def _silent(loop: str, seconds: float) -> str:
    name = loop.removeprefix(progress.CLOCK)
    return f"the clock's loop {name} has stood still for {seconds:.0f} s: is the clock running?"
