"""Storms: the banner on all pages while one lasts, the list, and the view of one with its acts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request, Response

from schemas import incident as said
from schemas import parts
from schemas import storm as schema
from schemas.storms import Storms
from tocsin import errors
from tocsin.storage import storms
from tocsin.web import access, in_force
from tocsin.web import storms as api
from tocsin.web.dashboard import _acts, _render, viewers

router = APIRouter()

MOST, BARS, GROUPS = 50, 8, 50
#: What a smaller part has in common says nothing.
LEAST = 0.05
#: By the word in the address: what the API does, and the word that is said of it.
_ACTS: dict[str, tuple[Callable[..., Any], str]] = {
    "ack": (api.acknowledge_storm, "storm_taken"),
    "end": (api.end_storm, "storm_ended"),
}


@router.get("/storms")
def list_storms(request: Request, who: viewers.Seen, record: access.Recorded) -> Response:
    """The newest storms."""
    with record.session([who.tenant]) as tx:
        items = [api.item(row, tx) for row in storms.listed(tx, who.tenant, limit=MOST)]
        now = tx.now
    return _render.page(request, who, "storms.html", now=now, here="storms", items=items)


@router.get("/storms/banner")
def banner(request: Request, who: viewers.Seen) -> Response:
    """What stands on top of every page while a storm lasts; nothing where none does."""
    return _render.page(request, who, "storm_banner.html", here="")


@router.get("/storms/{storm}")
def show(request: Request, storm: str, who: viewers.Seen, record: access.Recorded) -> Response:
    """One storm. Raises NotFound, also for one of another tenant."""
    detail = api.show_storm(storm, who.caller, record)
    with record.session([who.tenant]) as tx:
        policy, now = in_force.policy(tx, who.tenant), tx.now
    settings = policy.storms if policy else Storms()
    return _render.page(
        request, who, "storm.html", now=now, here="storms", fragment="storm_part.html",
        detail=detail, groups=detail.group_list[:GROUPS],
        bars=[one for one in detail.shares if one.share >= LEAST][:BARS],
        interval=parts.say_duration(settings.page_interval),
    )  # fmt: skip


@router.post("/storms/{storm}/promote")
def promote(request: Request, storm: str, form: viewers.Act, record: access.Recorded) -> Response:
    """Take a group out, and go back to the storm."""
    # First of all, so that another tenant's is as unknown as one that is not.
    api.show_storm(storm, form.caller, record)
    try:
        body = schema.Promote.model_validate({"group": form.text("group")})
    except ValueError as error:
        raise errors.BadRequest("this form names no group: load the page again") from error
    done = api.promote_group(request, storm, body, form.caller, record)
    return _acts.back(form, f"/ui/storms/{done.id}", "storm_promoted")


@router.post("/storms/{storm}/{act}")
def do(
    request: Request, storm: str, act: str, form: viewers.Act, record: access.Recorded
) -> Response:
    """Do what the API does, and go back to the storm."""
    if act not in _ACTS:
        raise errors.NotFound("a storm has no such act; go back and load the page again")
    work, word = _ACTS[act]
    done = work(request, storm, form.caller, record, said.Note())
    return _acts.back(form, f"/ui/storms/{done.id}", word)
