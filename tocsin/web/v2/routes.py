"""All addresses of Alertmanager's API, to be put below its prefixes."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from tocsin.web import health
from tocsin.web.v2 import alerts, groups, receivers, reload, silences, status

# Not below /alertmanager, where a Mimir has it: Grafana tells the two apart by which of both
# addresses answers, and refuses whoever answers at both.
PREFIX = "/api/v2"


def include(app: FastAPI) -> None:
    """Put them into the application, each also below `/t/{tenant}`."""
    api = APIRouter()
    for module in (status, alerts, groups, silences, receivers):
        api.include_router(module.router)
    app.include_router(api, prefix=PREFIX)
    app.include_router(api, prefix="/t/{tenant}" + PREFIX, include_in_schema=False)
    app.include_router(reload.router)
    for other in (reload, health):
        app.include_router(other.router, prefix="/t/{tenant}", include_in_schema=False)
