"""The delivery desk: what was sent where, what did not arrive, why, and what helps."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Literal, cast
from urllib.parse import urlencode

import pydantic
from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

import channels
from schemas.delivery import Chosen
from tocsin import errors
from tocsin.storage import desk as stored
from tocsin.storage import search_deliveries
from tocsin.storage.record import Transaction
from tocsin.web import access, desk, paging, why
from tocsin.web.dashboard import Nav, _payload, _remedies, _render, viewers

router = APIRouter()
NAV = Nav(40, "deliveries", "/ui/deliveries", "d")

LIMIT = 50
TABS = ("dead", "retrying", "queued", "sending", "delivered")
FOLDED = ("superseded", "dropped")
SPANS = {"1h": timedelta(hours=1), "24h": timedelta(days=1), "7d": timedelta(days=7)}
TEXTS = ("channel", "destination", "error")
ACTS: dict[str, tuple[str, ...]] = {
    "retry": ("retrying", "dead"),
    "drop": ("queued", "retrying", "dead"),
}


@router.get("/deliveries")
def deliveries(request: Request, record: access.Recorded, who: viewers.Seen) -> Response:
    """A list by where they stand; every filter is in the address."""
    asked = _asked(request.query_params)
    before = paging.decode_id("desk", request.query_params.get("before") or None)
    with record.session([who.tenant]) as tx:
        chosen = _chosen(asked, tx)
        counted = stored.counts(tx, who.tenant, chosen)
        rows = stored.listed(tx, who.tenant, chosen, before=before, limit=LIMIT + 1)
        shown = [_shown(row) for row in rows[:LIMIT]]
        _explain(tx, who.tenant, shown)
        at = tx.now
    waits = chosen.standing in ("queued", "sending", "retrying")
    more = len(rows) > LIMIT
    older = paging.encode("desk", [shown[-1]["id"]]) if more and not waits else ""
    return _render.page(
        request, who, "deliveries.html", fragment="deliveries_part.html", now=at,
        here="deliveries", asked=asked, tabs=TABS, folded=FOLDED, counted=counted, rows=shown,
        here_path=_path(asked), tab_paths={tab: _path({**asked, "tab": tab}) for tab in
                                           (*TABS, *FOLDED)},
        older=_path({**asked, "before": older}) if older else "", more=more,
        channels=sorted(channels.REGISTRY), spans=SPANS, filtered=any(
            asked[name] for name in (*TEXTS, "span")),
        acts=[act for act, tabs in ACTS.items() if asked["tab"] in tabs and who.may("respond")],
    )  # fmt: skip


@router.post("/deliveries/count")
def count(request: Request, record: access.Recorded, form: viewers.Act) -> Response:
    """What an act would come to, with the button that does it. Changes nothing."""
    asked = _asked(form.fields)
    # The button of one row names the row; those of the list name the act.
    act, whole = _act("retry" if form.text("one") else form.text("act"))
    with record.session([form.tenant]) as tx:
        chosen, at = _chosen(asked, tx), tx.now
    if not whole:
        chosen = _picked(chosen, [form.text("one")] if form.text("one") else form.texts("pick"))
    if chosen.ids == []:
        return RedirectResponse(f"{_path(asked)}&said=nothing_picked", 303)
    return _render.page(
        request, form.viewer, "deliveries_confirm.html", now=at, here="deliveries", act=act,
        found=desk.count(record, form.caller, act, chosen), chosen=chosen, back=_path(asked),
        filter=chosen.model_dump_json(), problem="",
    )  # fmt: skip


@router.post("/deliveries/apply")
def apply(request: Request, record: access.Recorded, form: viewers.Act) -> Response:
    """Do what was counted; to drop, the number must be typed."""
    act, _ = _act(form.text("act"))
    chosen = _read(form.text("filter"))
    if act == "drop" and form.text("number") != form.text("can"):
        return _again(request, record, form, chosen)
    reason = form.text("reason")[:300]
    done = desk.apply(request, record, form.caller, act, chosen, form.text("confirm"), reason)
    said = urlencode({"tab": chosen.standing, "said": f"{act}_done", "n": done.done})
    return RedirectResponse(f"/ui/deliveries?{said}", 303)


@router.get("/deliveries/{delivery}")
def show(request: Request, delivery: str, record: access.Recorded, who: viewers.Seen) -> Response:
    """One delivery: what it says, and every attempt."""
    key = paging.identifier(delivery, "delivery")
    with record.session([who.tenant]) as tx:
        row = search_deliveries.delivery(tx, who.tenant, key)
        if row is None:
            raise errors.NotFound("there is no such delivery in this tenant")
        shown = _shown(row)
        history = _explain(tx, who.tenant, [shown])[row["id"]]
        payload = _payload.of(request, tx, who.tenant, row)
        at = tx.now
    return _render.page(
        request, who, "delivery.html", now=at, here="deliveries", row=shown, history=history,
        payload=payload, may_retry=shown["standing"] == "dead" and who.may("respond"),
    )  # fmt: skip


def _again(request: Request, record: Any, form: viewers.Posted, chosen: Chosen) -> Response:
    found = desk.count(record, form.caller, "drop", chosen)
    with record.session([form.tenant]) as tx:
        at = tx.now
    return _render.page(
        request, form.viewer, "deliveries_confirm.html", now=at, here="deliveries", act="drop",
        found=found, chosen=chosen, back=f"/ui/deliveries?tab={chosen.standing}", status=422,
        filter=chosen.model_dump_json(), problem="ui.desk.number_differs",
    )  # fmt: skip


def _asked(given: Any) -> dict[str, str]:
    """The filter as the address or a form has it; what is not understood is left out."""
    tab = str(given.get("tab") or "dead")
    span = str(given.get("span") or "")
    asked = {name: str(given.get(name) or "").strip()[:300].replace("\0", "") for name in TEXTS}
    return {
        "tab": tab if tab in stored.STANDINGS else "dead",
        **asked,
        "span": span if span in SPANS else "",
    }


def _chosen(asked: dict[str, str], tx: Transaction) -> Chosen:
    span = SPANS.get(asked["span"])
    return Chosen(
        standing=cast(Any, asked["tab"]), since=tx.now - span if span else None,
        channel=asked["channel"] or None, destination=asked["destination"] or None,
        error=asked["error"] or None,
    )  # fmt: skip


def _picked(chosen: Chosen, ids: Any) -> Chosen:
    try:
        return Chosen(**{**chosen.model_dump(), "ids": list(ids)})
    except pydantic.ValidationError as error:
        raise errors.BadRequest("the selection could not be read: select at most 500") from error


def _read(text: str) -> Chosen:
    try:
        return Chosen.model_validate_json(text)
    except pydantic.ValidationError as error:
        raise errors.BadRequest("the form came back changed: count again") from error


def _act(text: str) -> tuple[Literal["retry", "drop"], bool]:
    """`retry_all` is a retry of all that fits, `drop` a drop of what was picked."""
    name, _, whole = text.partition("_")
    if name not in ACTS or whole not in ("", "all"):
        raise errors.BadRequest("choose to retry or to drop")
    return cast(Literal["retry", "drop"], name), whole == "all"


def _path(asked: dict[str, str]) -> str:
    return "/ui/deliveries?" + urlencode({name: text for name, text in asked.items() if text})


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "id": str(row["id"]), "incident_id": str(row["incident_id"]),
            "standing": standing(row), "sentence": why.state(row)}  # fmt: skip


def standing(row: dict[str, Any]) -> str:
    """Where a delivery stands, as `stored.STANDINGS` says it."""
    if row["state"] == "pending":
        return "retrying" if row["attempts"] else "queued"
    if row["state"] == "sending":
        return "retrying" if row["in_doubt"] else "sending"
    return "delivered" if row["state"] == "sent" else str(row["state"])


def _explain(tx: Transaction, tenant: int, shown: list[dict[str, Any]]) -> dict[Any, Any]:
    """Put what went wrong, and what helps, beside each; gives their attempts."""
    keys = [{"id": paging.identifier(row["id"], "delivery")} for row in shown]
    tried = search_deliveries.attempts(tx, tenant, keys)
    for row, key in zip(shown, keys, strict=True):
        failed = [one for one in tried[key["id"]] if one["reason"]]
        over = row["standing"] in ("delivered", "superseded", "dropped")
        row["remedy"] = None if over or not failed else _remedies.of(row["channel"], failed[-1])
    return tried
