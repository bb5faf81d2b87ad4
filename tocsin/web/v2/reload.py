"""Alertmanager's reload: the policy file of the tenant is in force when the answer comes."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.security import audit, tokens
from tocsin.storage import policies
from tocsin.storage.record import Record
from tocsin.web import access, in_force

router = APIRouter(tags=["health"])

_NO_FILE = (
    "there is no policy file of this tenant: put <tenant>.yml into the folder that"
    " TOCSIN_POLICY_DIR names, or use PUT /api/v1/policy"
)


@router.post(
    "/-/reload",
    response_class=PlainTextResponse,
    responses={500: {"description": "Not reloaded, and why. The old policy holds."}},
)
def reload_policy(request: Request, caller: access.Admin, record: access.Recorded) -> Response:
    """Read the policy file of the tenant and put it in force, over what was applied by hand."""
    problem = _take(request.app.state.settings, record, caller)
    if problem:
        return PlainTextResponse(f"failed to reload config: {problem}\n", 500)
    access.ring(request, "reroute", access.stage_queue(request, "reroute"))
    return Response()


def _take(settings: Settings, record: Record, caller: tokens.Caller) -> str:
    """What is wrong with the file; empty where it is in force now."""
    # The slug was checked when the tenant was made: it leads out of no folder.
    path = settings.policy_dir / f"{caller.slug}.yml" if settings.policy_dir else None
    try:
        text = path.read_text(encoding="utf-8") if path else ""
    except (OSError, UnicodeDecodeError) as error:
        return _NO_FILE if isinstance(error, FileNotFoundError) else str(error)
    if path is None:
        return _NO_FILE
    return record.again(lambda: _put(record, caller, path, text, _problem(text)))


def _problem(text: str) -> str:
    try:
        in_force.tried(text)
    except errors.PolicyError as error:
        return str(error)
    return ""


def _put(record: Record, caller: tokens.Caller, path: Path, text: str, problem: str) -> str:
    """Also where it did not change: who asks wants the file, not what was applied by hand since."""
    with record.session([caller.tenant]) as tx:
        if problem:
            policies.set_problem(tx, caller.tenant, problem[:2000])
            return problem
        was = policies.lock(tx, caller.tenant)
        version = policies.apply_file(tx, caller.tenant, text, f"file:{path.name}")
        if version != was:
            by, said = access.actor(caller), {"name": caller.name, "file": path.name}
            audit.record(tx, caller.tenant, by, "config.apply", str(version), said)
    return ""
