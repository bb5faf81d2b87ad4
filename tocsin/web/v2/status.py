"""Alertmanager's status: the first thing that a client asks, with the routing of the tenant."""

from __future__ import annotations

import platform

from fastapi import APIRouter, Request
from fastapi.responses import Response

import tocsin
from schemas import alertmanager as schema
from tocsin import metrics
from tocsin.config import exporting
from tocsin.web import access, in_force
from tocsin.web.v2 import answers, seeing, streaming

router = APIRouter(tags=["alertmanager"])


@router.get("/status", response_model=schema.AlertmanagerStatus, responses=answers.responses())
def v2_status(request: Request, caller: access.Reader, record: access.Recorded) -> Response:
    """What is running, and the routing as a valid alertmanager.yml without secrets."""
    with record.session([caller.tenant]) as tx:
        policy = in_force.policy(tx, caller.tenant)
    found = {
        "cluster": {"peers": [], "status": "disabled"},
        "config": {"original": exporting.alertmanager_yml(policy)},
        "uptime": seeing.moment(request.app.state.started),
        "versionInfo": {
            "branch": "tocsin",
            "buildDate": "",
            "buildUser": "",
            "goVersion": f"python{platform.python_version()}",
            "revision": tocsin.__version__,
            "version": metrics.ALERTMANAGER,
        },
    }
    return streaming.document(found)
