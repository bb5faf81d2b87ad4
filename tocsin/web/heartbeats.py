"""Heartbeats over HTTP: how each is, its address, and what people do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from schemas import api
from schemas import pings as schema
from schemas.parts import say_duration
from tocsin import errors, i18n
from tocsin.config.settings import Settings
from tocsin.domain import heartbeats as domain
from tocsin.i18n import heartbeats as wording
from tocsin.security import audit, tokens
from tocsin.security import pings as keys
from tocsin.storage import heartbeats
from tocsin.storage.record import Transaction
from tocsin.web import access, drills

router = APIRouter(tags=["heartbeats"])

Row = dict[str, Any]


@router.get("/heartbeats")
def list_heartbeats(
    request: Request, caller: access.Reader, record: access.Recorded
) -> api.Page[schema.HeartbeatItem]:
    """The heartbeats of the policy in force, by name, all on one page."""
    with record.session([caller.tenant]) as tx:
        return api.Page(items=items(tx, caller, request.app.state.settings))


@router.get("/heartbeats/{name}")
def show_heartbeat(
    request: Request, name: str, caller: access.Reader, record: access.Recorded
) -> schema.HeartbeatDetail:
    """One heartbeat, with what it said last."""
    with record.session([caller.tenant]) as tx:
        return detail(tx, caller, request.app.state.settings, name)


@router.post("/heartbeats/{name}/ping")
def ping_heartbeat(
    request: Request, name: str, body: schema.PingAsked, caller: access.Responder,
    record: access.Recorded,
) -> schema.HeartbeatDetail:  # fmt: skip
    """A sign of life in the name of the job; its own address needs no token."""
    kind: domain.Kind = "fail" if body.status else body.kind

    def work(tx: Transaction, row: Row) -> None:
        said = body.message.encode() if body.message else None
        ping = heartbeats.Ping(
            kind, 0.0, body.status, i18n.say("heartbeat.own"), caller.name,
            _sealed(request, tx, caller.tenant, said),
        )  # fmt: skip
        heartbeats.ping(tx, [heartbeats.folded(caller.tenant, row["name"], [ping])])

    return _done(request, record, caller, name, work)


@router.post("/heartbeats/{name}/pause")
def pause_heartbeat(
    request: Request, name: str, caller: access.Responder, record: access.Recorded
) -> schema.HeartbeatDetail:
    """Expect nothing of it until it is resumed; pings are noted, but do not resume it."""
    return act(request, record, caller, name, "pause")


@router.post("/heartbeats/{name}/resume")
def resume_heartbeat(
    request: Request, name: str, caller: access.Responder, record: access.Recorded
) -> schema.HeartbeatDetail:
    """Expect it again, as if it had just been heard. What was before is forgiven."""
    return act(request, record, caller, name, "resume")


@router.post("/heartbeats/{name}/rotate")
def rotate_heartbeat(
    request: Request, name: str, caller: access.Admin, record: access.Recorded
) -> schema.HeartbeatDetail:
    """Give it another address. The old one stops to work at once."""
    return act(request, record, caller, name, "rotate")


def act(
    request: Request, record: access.Recorded, caller: tokens.Caller, name: str, what: str
) -> schema.HeartbeatDetail:
    """Pause, resume or rotate it, on the audit."""

    def work(tx: Transaction, row: Row) -> None:
        if what == "pause":
            heartbeats.pause(tx, row, caller.name)
        elif what == "resume":
            heartbeats.resume(tx, row)
        else:
            heartbeats.rotate(tx, row)
        by, said = access.actor(caller), {"name": caller.name}
        audit.record(tx, caller.tenant, by, f"heartbeat.{what}", row["name"], said)

    return _done(request, record, caller, name, work)


def _done(
    request: Request, record: access.Recorded, caller: tokens.Caller, name: str,
    work: Callable[[Transaction, Row], None],
) -> schema.HeartbeatDetail:  # fmt: skip
    """Do it to a heartbeat that there is, have it looked at, and show it."""

    def once() -> schema.HeartbeatDetail:
        with record.session([caller.tenant]) as tx:
            [row] = heartbeats.lock(tx, [(caller.tenant, _known(tx, caller.tenant, name)["name"])])
            work(tx, row)
            return detail(tx, caller, request.app.state.settings, name)

    made = record.again(once)
    access.ring(request, "miss", access.stage_queue(request, "miss"))
    return made


def items(
    tx: Transaction, caller: tokens.Caller, settings: Settings, locale: str = "en"
) -> list[schema.HeartbeatItem]:
    """All of a tenant, as they are now."""
    deaf = heartbeats.deaf(tx)
    rows = heartbeats.listed(tx, caller.tenant)
    return [
        schema.HeartbeatItem(**_fields(row, deaf, tx, caller, settings, locale)) for row in rows
    ]


def detail(
    tx: Transaction, caller: tokens.Caller, settings: Settings, name: str, locale: str = "en"
) -> schema.HeartbeatDetail:
    """One of them. Raises NotFound."""
    row = _known(tx, caller.tenant, name)
    fields = _fields(row, heartbeats.deaf(tx), tx, caller, settings, locale)
    return schema.HeartbeatDetail(**fields, message=_opened(tx, row, settings))


def _known(tx: Transaction, tenant: int, name: str) -> Row:
    found = heartbeats.listed(tx, tenant, name) if "\0" not in name else []
    if not found:
        raise errors.NotFound("there is no such heartbeat in the policy; `GET /heartbeats` has all")
    return found[0]


def _fields(
    row: Row, deaf: domain.Deaf | None, tx: Transaction, caller: tokens.Caller,
    settings: Settings, locale: str,
) -> dict[str, Any]:  # fmt: skip
    rhythm = heartbeats.rhythm(row)
    found = domain.look(rhythm, heartbeats.facts(row), deaf, tx.now)
    return {
        **{name: row[name] for name in (
            "name", "pings", "last_at", "last_kind", "last_status", "last_from", "last_agent",
            "paused_at", "paused_by",
        )},
        "state": found.state, "cause": found.cause, "running": found.running,
        "sentence": wording.last(row, rhythm, locale),
        "every": say_duration(rhythm.every) if rhythm.every else None,
        "cron": rhythm.cron or None, "zone": rhythm.zone, "grace": say_duration(rhythm.grace),
        "took_seconds": row["took"] / 1000 if row["took"] is not None else None,
        "expected_at": found.expected_at, "due_at": found.due_at,
        "url": _address(row, settings) if caller.may("respond") else None,
    }  # fmt: skip


def _address(row: Row, settings: Settings) -> str | None:
    signer = keys.signer(settings.master_key_file)
    return keys.address(signer, str(settings.public_url), row["tenant"], row["id"]) or None


def _sealed(request: Request, tx: Transaction, tenant: int, said: bytes | None) -> bytes | None:
    if said is None:
        return None
    sealer = drills.sealer(request.app.state.settings.master_key_file)
    if not sealer.ready(tenant):
        sealer.load(tx, tenant)
    return sealer.seal(tenant, said)


def _opened(tx: Transaction, row: Row, settings: Settings) -> str | None:
    """What it said, as far as that is text."""
    if row["message"] is None or settings.master_key_file is None:
        return None
    said = drills.sealer(settings.master_key_file).open(tx, row["tenant"], bytes(row["message"]))
    return said.decode("utf-8", "replace")
