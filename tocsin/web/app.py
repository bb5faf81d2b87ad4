"""The web application: the API below /api/v1 and /t/{tenant}/api/v1, metrics, health, pages."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from fastapi import APIRouter, FastAPI

import tocsin
from tocsin.config.settings import Settings
from tocsin.storage import migrate
from tocsin.storage.record import Record
from tocsin.web import (
    alerts,
    callbacks,
    dashboard,
    deliveries,
    desk,
    escalations,
    frame,
    health,
    heartbeats,
    importing,
    incidents,
    links,
    maintenance,
    measures,
    oncall,
    openapi,
    overrides,
    pages,
    people,
    policy,
    problems,
    reports,
    scoring,
    silences,
    silences_bulk,
    sources,
    storms,
    templates_api,
)
from tocsin.web.v2 import routes as v2
from workers import queues

Ring = Callable[[str, str], object]


def build(settings: Settings, record: Record, ring: Ring) -> FastAPI:
    """The application on this record; `ring(actor, queue)` is called after commits."""
    app = FastAPI(
        title="Tocsin",
        version=tocsin.__version__,
        description=openapi.ABOUT,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=openapi.RESPONSES,
        generate_unique_id_function=lambda route: route.name,
    )
    api = _api()
    app.include_router(api, prefix="/api/v1")
    app.include_router(measures.router)
    app.include_router(api, prefix="/t/{tenant}/api/v1", include_in_schema=False)
    app.include_router(measures.router, prefix="/t/{tenant}", include_in_schema=False)
    v2.include(app)
    app.include_router(callbacks.router)
    app.include_router(links.router)
    app.include_router(health.router)
    app.include_router(pages.router)
    app.include_router(dashboard.router())
    app.state.settings, app.state.record, app.state.ring = settings, record, ring
    app.state.queues = queues.of_stages(settings.stage_queues)
    app.state.started = datetime.now(UTC)
    app.state.doorman = callbacks.Doorman()
    app.state.revision = migrate.wanted()
    app.openapi = lambda: openapi.of(app)  # type: ignore[method-assign]
    problems.install(app)
    logging.getLogger("uvicorn.access").addFilter(frame.without_token)
    app.add_middleware(frame.Frame)
    return app


def _api() -> APIRouter:
    api = APIRouter()
    for module in (
        alerts,
        incidents,
        desk,
        deliveries,
        escalations,
        silences_bulk,
        silences,
        maintenance,
        oncall,
        overrides,
        heartbeats,
        policy,
        importing,
        people,
        scoring,
        sources,
        storms,
        templates_api,
        reports,
    ):
        api.include_router(module.router)
    return api
