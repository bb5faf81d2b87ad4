"""All addresses of Alertmanager's API, to be put below its prefixes."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from tocsin.web import health
from tocsin.web.v2 import alerts, groups, receivers, reload, silences, status

#: The second is where a Mimir has it, for Grafana asks there if it is told so.
PREFIXES = ("/api/v2", "/alertmanager/api/v2")


def include(app: FastAPI) -> None:
    """Put them into the application, each also below `/t/{tenant}`."""
    api = APIRouter()
    for module in (status, alerts, groups, silences, receivers):
        api.include_router(module.router)
    for prefix in PREFIXES:
        app.include_router(api, prefix=prefix, include_in_schema=prefix == PREFIXES[0])
        app.include_router(api, prefix="/t/{tenant}" + prefix, include_in_schema=False)
    app.include_router(reload.router)
    for module in (reload, health):
        app.include_router(module.router, prefix="/t/{tenant}", include_in_schema=False)
