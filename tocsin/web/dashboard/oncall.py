"""Who is on call: now and next, the weeks to come, who stands in, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response

from schemas import oncall as schema
from tocsin import errors
from tocsin.domain import oncall
from tocsin.domain.oncall import wall
from tocsin.domain.policy import Policy
from tocsin.storage import overrides
from tocsin.web import access, in_force
from tocsin.web import oncall as api
from tocsin.web import overrides as standing_in
from tocsin.web.dashboard import Nav, _acts, _calendar, _faces, _render, viewers

router = APIRouter()
NAV = Nav(30, "oncall", "/ui/oncall", "o")

WEEKS = 5
#: What the coverage looks at.
AHEAD = timedelta(days=30)
#: Overrides and gaps that a page lists.
_MOST = 50
#: Calendars of other centuries are for nobody.
_FARTHEST = timedelta(days=730)


class OnCall(NamedTuple):
    """Who is on call in one schedule, as its card shows it."""

    item: schema.OnCallItem
    faces: tuple[_faces.Face, ...]
    next: tuple[_faces.Face, ...]
    until: datetime | None
    coverage: schema.CoverageItem


@router.get("/oncall")
def show(request: Request, who: viewers.Seen, record: access.Recorded) -> Response:
    """All schedules now, and one of them in weeks."""
    with record.session([who.tenant]) as tx:
        policy, now = in_force.policy(tx, who.tenant), tx.now
    if policy is None or not policy.schedules:
        return _render.page(
            request, who, "oncall.html", now=now, here=NAV.name, fragment="oncall_board.html",
            cards=[], chosen=None,
        )  # fmt: skip
    name = request.query_params.get("schedule", "")
    chosen = policy.schedules.get(name) or next(iter(policy.schedules.values()))
    return _render.page(
        request, who, "oncall.html", now=now, here=NAV.name, fragment="oncall_board.html",
        cards=_cards(policy, who, record), chosen=chosen, people=_people(policy),
        shown={face.name: face.shown for face in _people(policy)},
        **_board(request, who, record, policy, chosen, now),
    )  # fmt: skip


@router.get("/oncall/{schedule}.ics")
def export(schedule: str, who: viewers.Seen, record: access.Recorded) -> Response:
    """The calendar of a schedule for whoever is signed in. Raises NotFound."""
    made = api.export_calendar(schedule, who.caller, record)
    made.headers["Content-Disposition"] = 'attachment; filename="on-call.ics"'
    return made


@router.post("/oncall/overrides")
def stand_in(request: Request, form: viewers.Act, record: access.Recorded) -> Response:
    """Let somebody stand in. Raises Invalid that says what to write instead."""
    try:
        body = schema.NewOverride(
            schedule=form.text("schedule"), person=form.text("person"),
            starts_at=_moment(form.text("starts_at")), ends_at=_moment(form.text("ends_at")),
            duration=form.text("duration") or None, note=form.text("note") or None,
        )  # fmt: skip
    except ValueError as error:
        raise errors.BadRequest(
            "choose a schedule and a person, and say from when to when"
        ) from error
    standing_in.create_override(request, Response(), body, form.caller, record)
    return _acts.back(form, NAV.path, "stands_in")


@router.post("/oncall/overrides/{override}/end")
def end(override: str, form: viewers.Act, record: access.Recorded) -> Response:
    """End an override now, or call it off before it begins."""
    standing_in.end_override(override, form.caller, record)
    return _acts.back(form, NAV.path, "stood_in")


def _cards(policy: Policy, who: viewers.Viewer, record: Any) -> list[OnCall]:
    now = api.on_call(who.caller, record).items
    missing = {each.schedule: each for each in api.coverage(who.caller, record).items}
    return [
        OnCall(
            item,
            tuple(_faces.of(policy, each.name) for each in item.people),
            tuple(_faces.of(policy, name) for name in (item.next.people if item.next else ())),
            item.next.starts_at if item.next else None,
            missing[item.schedule],
        )
        for item in now if item.schedule in missing
    ]  # fmt: skip


def _board(
    request: Request, who: viewers.Viewer, record: Any, policy: Policy,
    chosen: oncall.Schedule, now: datetime,
) -> dict[str, Any]:  # fmt: skip
    today = wall.day(chosen.zone, now)
    first = _first(request.query_params.get("from", ""), today)
    begins = wall.moment(chosen.zone, first, 0)
    ends = begins + timedelta(weeks=WEEKS + 1)
    with record.session([who.tenant]) as tx:
        known = overrides.of(tx, [who.tenant], min(begins, now) - timedelta(days=7),
                             max(ends, now + AHEAD))[who.tenant]  # fmt: skip
        listed = [row for state in ("active", "pending")
                  for row in overrides.listed(tx, who.tenant, state=state, schedule=chosen.name,
                                              limit=_MOST)]  # fmt: skip
    weeks = _calendar.weeks(policy, chosen, first, WEEKS, now, known)
    is_now = any(day.is_today for week in weeks for day in week)
    shown = wall.moment(chosen.zone, first + timedelta(weeks=WEEKS), 0)
    return {
        "weeks": weeks,
        "faces_in": _calendar.faces(weeks),
        # A phone has this list in place of the weeks, so it must turn with them.
        "agenda": _calendar.stretches(
            policy, chosen, now if is_now else begins, shown, now, known
        ),
        "overrides": [(row, _faces.of(policy, row["person"])) for row in _in_order(listed)],
        "before": first - timedelta(weeks=WEEKS), "after": first + timedelta(weeks=WEEKS),
        "is_now": is_now,
        "calendar_url": f"{str(request.app.state.settings.public_url).rstrip('/')}"
                        f"/api/v1/oncall/{chosen.name}/calendar.ics",
        "form_start": now.astimezone(ZoneInfo(chosen.zone)).strftime("%Y-%m-%dT%H:%M"),
    }  # fmt: skip


def _people(policy: Policy) -> list[_faces.Face]:
    return [_faces.of(policy, each.name) for each in policy.people]


def _in_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: (row["starts_at"], row["id"]))


def _first(text: str, today: date) -> date:
    """The Monday that a calendar begins with; this week's for whatever is no day near now."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = today
    if abs(found - today) > _FARTHEST:
        found = today
    return found - timedelta(days=found.weekday())


def _moment(text: str) -> str | None:
    """As a field for date and time gives it; the clocks of the schedule are meant."""
    return text.replace("T", " ") or None
