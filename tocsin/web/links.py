"""`/t/<tenant>/a/<token>`: the one page that a person can act on without signing in.

Looking never acts, for those who deliver messages follow the links in them; only the button posts.
Whatever is wrong with a link, the answer is the same, so that nobody learns from it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast
from urllib import parse

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.concurrency import run_in_threadpool

from tocsin import errors, i18n
from tocsin.config.settings import Settings
from tocsin.domain.policy import Policy
from tocsin.security import audit
from tocsin.security import links as tokens
from tocsin.storage import callbacks, incidents, link_uses, tenants
from tocsin.storage.record import Record, Transaction
from tocsin.web import access, acting, in_force, link_page

router = APIRouter(include_in_schema=False)

#: So long somebody can take back their own acknowledgement.
UNDO = timedelta(minutes=15)
ACTS = ("acknowledge", "resolve", "undo")


@dataclass(frozen=True)
class Link:
    """Where a link that works leads to."""

    tenant: int
    policy: Policy
    row: dict[str, Any]
    incident: uuid.UUID

    @property
    def person(self) -> str:
        return str(self.row["person"])


@router.get("/t/{tenant}/a/{token}")
def show_link(request: Request, tenant: str, token: str) -> Response:
    """Say how it stands, and ask. Nothing is changed."""
    return _answer(request, tenant, token, "")


@router.post("/t/{tenant}/a/{token}")
async def use_link(request: Request, tenant: str, token: str) -> Response:
    """Do what the button says, once."""
    try:
        form = parse.parse_qs((await request.body()).decode("ascii", "replace"), max_num_fields=5)
    except ValueError:
        form = {}
    act = form.get("act", [""])[0]
    return await run_in_threadpool(_answer, request, tenant, token, act)


def _answer(request: Request, slug: str, token: str, act: str) -> Response:
    settings = cast(Settings, request.app.state.settings)
    signer = tokens.signer(settings.master_key_file)
    # What was not made here never reaches the record: guesses cost nobody but the one who guesses.
    delivery = signer.read(slug, token) if signer is not None else None
    if delivery is None or not tenants.SLUG.fullmatch(slug):
        return link_page.gone()
    record = access.record(request)
    page, acted = record.again(lambda: _done(record, slug, delivery, act))
    if acted:
        acting.ring(request)
    return link_page.render(page) if page else link_page.gone()


def _done(
    record: Record, slug: str, delivery: uuid.UUID, act: str
) -> tuple[link_page.Page | None, bool]:
    """The page after the act, if there is one, and whether something was changed."""
    with record.claims() as tx:
        link = _found(tx, slug, delivery)
        if link is None:
            return None, False
        said, changed = _act(tx, link, act) if act in ACTS else ("", False)
        row = incidents.held(tx, link.tenant, incidents.where(tx, link.tenant, link.incident))
        used = link_uses.used(tx, link.tenant, delivery)
        seen = link_page.Seen(
            link.policy, link.person, row, link_uses.firing(tx, link.tenant, row["id"]), used,
            link.row["until"], tx.now, UNDO, said,
        )  # fmt: skip
        return link_page.page(seen), changed


def _found(tx: Transaction, slug: str, delivery: uuid.UUID) -> Link | None:
    """None also where the person is not in the policy any more: who has left cannot act."""
    tenant = callbacks.tenant_of(tx, slug)
    if tenant is None:
        return None
    tx.scope([tenant])
    row, policy = link_uses.find(tx, tenant, delivery), in_force.policy(tx, tenant)
    if row is None or policy is None or policy.person(row["person"]) is None:
        return None
    return Link(tenant, policy, row, row["incident_id"])


def _act(tx: Transaction, link: Link, act: str) -> tuple[str, bool]:
    """What to say of it beside how it stands now, and whether something was changed."""
    # Its lock makes two presses at once one after the other.
    before = incidents.held(tx, link.tenant, incidents.where(tx, link.tenant, link.incident))
    if act in link_uses.used(tx, link.tenant, link.row["id"]):
        return "", False
    try:
        after = _work(tx, link, act, before)
    except errors.Conflict:
        return "", False
    if after is None:
        return "late", False
    if after["generation"] == before["generation"]:
        return "", False
    link_uses.use(tx, link.tenant, link.row["id"], act)
    name = "unacknowledge" if act == "undo" else act
    said = {"name": link.person, "note": i18n.say("acts.by_link"), "delivery": str(link.row["id"])}
    by = f"person:{link.person}"
    audit.record(tx, link.tenant, by, f"incident.{name}", str(after["id"]), said)
    return ("again" if act == "undo" else ""), True


def _work(tx: Transaction, link: Link, act: str, row: dict[str, Any]) -> dict[str, Any] | None:
    """The incident after it; None where it is too late to take it back."""
    whose, note = (tx, link.tenant, row["id"], link.person), i18n.say("acts.by_link")
    if act == "acknowledge":
        if row["snoozed"] and row["acknowledged_by"] != link.person:
            return row  # somebody has it: that they look again later is no reason to take it
        return incidents.acknowledge(*whose, note, timeout=link.policy.ack_timeout)
    if act == "resolve":
        return incidents.resolve(*whose, note)
    mine = link_page.undoable(row, link.person, tx.now, UNDO)
    return incidents.unacknowledge(*whose, note) if mine else None
