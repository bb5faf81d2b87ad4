"""/metrics: the operator's token sees all tenants, a tenant's token its own."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBasicCredentials
from psycopg.rows import DictRow

from tocsin import errors, metrics
from tocsin.domain import circuit
from tocsin.domain import heartbeats as beats
from tocsin.security import tokens
from tocsin.storage import circuits, due, figures, heartbeats, progress, storms, synthetic, tenants
from tocsin.storage.record import Record, Transaction
from tocsin.web import access
from workers import queues

router = APIRouter(tags=["metrics"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def show_metrics(
    request: Request,
    record: access.Recorded,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(access.BEARER)],
    basic: Annotated[HTTPBasicCredentials | None, Security(access.BASIC)],
) -> Response:
    """Prometheus text. With the operator's token all tenants, with a tenant's own its own."""
    token = bearer.credentials if bearer else basic.password if basic else ""
    slug = request.path_params.get("tenant")
    if slug is None and _is_operators(request.app.state.settings.metrics_token_file, token):
        found = _all(record)
    else:
        caller = access.identify(record, token)
        if slug not in (None, caller.slug):
            raise errors.Forbidden("this token is not one of the tenant in the address")
        caller.require("read")
        found = _own(record, caller)
    return Response(metrics.text(found), media_type=metrics.CONTENT_TYPE)


def _is_operators(file: Path | None, token: str) -> bool:
    """Read each time, so that a new token counts without a restart; no file: nobody is."""
    try:
        known = file.read_text().strip() if file else ""
    except OSError:
        return False
    return bool(known) and hmac.compare_digest(known.encode(), token.encode())


def _all(record: Record) -> metrics.Figures:
    with record.admin() as tx:
        return _figures(tx, None)


def _own(record: Record, caller: tokens.Caller) -> metrics.Figures:
    with record.session([caller.tenant]) as tx:
        return _figures(tx, caller.tenant)


def _figures(tx: Transaction, tenant: int | None) -> metrics.Figures:
    oldest, seen = figures.inbox_oldest(tx, tenant), tenants.listed(tx)
    return metrics.Figures(
        rows=[
            metrics.Row(row["slug"], row["name"], row["labels"], float(row["value"]))
            for row in figures.counters(tx, tenant)
        ],
        dead=figures.dead_letters(tx, tenant),
        inbox_seconds=max(0.0, (tx.now - oldest).total_seconds()) if oldest else 0.0,
        reloads={row["slug"]: row["policy_problem"] is None for row in seen},
        due=_due(tx) if tenant is None else {},
        loops={row["loop"]: row["age"] for row in progress.ages(tx)} if tenant is None else {},
        heartbeats=_heartbeats(tx),
        storms=_storms(tx, seen),
        synthetic=_synthetic(synthetic.newest_arrived(tx, [row["id"] for row in seen])),
        breakers={
            (row["slug"], row["channel"], row["destination"]):
                circuit.STATES.index(circuit.of(row).state(tx.now))
            for row in circuits.shown(tx)
        },
    )  # fmt: skip


def _storms(tx: Transaction, seen: list[dict[str, Any]]) -> dict[str, bool]:
    lasting = storms.under_way(tx)
    return {row["slug"]: row["id"] in lasting for row in seen}


def _heartbeats(tx: Transaction) -> dict[tuple[str, str], int]:
    """Zero for states in which none is, so that the series never break off."""
    found: dict[tuple[str, str], int] = {}
    deaf = heartbeats.deaf(tx)
    for row in heartbeats.every(tx):
        for state in beats.STATES:
            found.setdefault((row["slug"], state), 0)
        look = beats.look(heartbeats.rhythm(row), heartbeats.facts(row), deaf, tx.now)
        found[row["slug"], look.state] += 1
    return found


def _due(tx: Transaction) -> dict[str, float]:
    """Zero for what is not due, so that the series never break off."""
    found = dict.fromkeys((*queues.STAGES, *queues.TIMERS, "lookup", "score"), 0.0)
    for item in due.late(tx):
        delivers = item.kind in (queues.PAGE, queues.NOTIFY)
        found[f"{item.kind}/{item.work}" if delivers else item.work] = max(
            0.0, (tx.now - item.oldest).total_seconds()
        )
    return found


def _synthetic(row: DictRow | None) -> metrics.Synthetic | None:
    if row is None:
        return None
    took = (row["arrived_at"] - row["posted_at"]).total_seconds()
    return metrics.Synthetic(took, row["arrived_at"].timestamp())
