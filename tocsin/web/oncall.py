"""Who is on call over HTTP: now, at any moment, as shifts, as a calendar, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Response

from schemas import api
from schemas import oncall as schema
from tocsin import errors
from tocsin.config import problems
from tocsin.domain import oncall
from tocsin.domain.policy import Policy
from tocsin.storage import overrides
from tocsin.storage.record import Transaction
from tocsin.web import access, in_force

router = APIRouter(tags=["on-call"])

_TICK = timedelta(microseconds=1)
#: So far back the beginning of a shift is looked for: longer than a month.
_BACK = timedelta(days=62)
#: Farther away from now nobody knows the rules of the clocks.
_FARTHEST = timedelta(days=3653)
_LONGEST = timedelta(days=400)
_CALENDAR = timedelta(days=180)
_ICAL = "text/calendar; charset=utf-8"

At = Annotated[
    str | None,
    Query(
        max_length=64,
        description="RFC 3339, or without a zone what the clocks of the schedule show, such as"
        " `2026-12-24 03:00`, `24 03:00`, `saturday 03:00`. Default: now.",
    ),
]
Since = Annotated[str | None, Query(alias="from", max_length=64, description="Default: now.")]
Until = Annotated[
    str | None, Query(alias="to", max_length=64, description="Default: 30 days after `from`.")
]
Named = Annotated[
    list[str] | None, Query(max_length=100, description="Only these schedules. Default: all.")
]
Days = Annotated[int, Query(ge=1, le=366, description="How many days from now on.")]


@router.get("/oncall")
def on_call(
    caller: access.Reader, record: access.Recorded, at: At = None, schedule: Named = None
) -> api.Page[schema.OnCallItem]:
    """Who is on call in each schedule, now or at a moment, and who is next."""
    with record.session([caller.tenant]) as tx:
        policy = in_force.policy(tx, caller.tenant)
        asked = [(each, moment("query/at", at, each.zone, tx.now) or tx.now)
                 for each in _chosen(policy, schedule)]  # fmt: skip
        if policy is None or not asked:
            return api.Page(items=[])
        since = min(when for _, when in asked) - _BACK
        until = max(when for _, when in asked) + _LONGEST
        known = overrides.of(tx, [caller.tenant], since, until)[caller.tenant]
    return api.Page(items=[_item(policy, each, when, known) for each, when in asked])


@router.get("/oncall/coverage")
def coverage(
    caller: access.Reader, record: access.Recorded, days: Days = 30, schedule: Named = None
) -> api.Page[schema.CoverageItem]:
    """What is missing in the time to come: nobody there, nobody known, nobody reachable."""
    with record.session([caller.tenant]) as tx:
        policy = in_force.policy(tx, caller.tenant)
        since, until = tx.now, tx.now + timedelta(days=days)
        known = overrides.of(tx, [caller.tenant], since, until)[caller.tenant]
    chosen = _chosen(policy, schedule)
    if policy is None:
        return api.Page(items=[])
    return api.Page(items=[_coverage(policy, each, since, until, known) for each in chosen])


@router.get("/oncall/{schedule}/shifts")
def list_shifts(
    schedule: str, caller: access.Reader, record: access.Recorded, since: Since = None,
    until: Until = None,
) -> schema.Shifts:  # fmt: skip
    """Who is on call from one moment to another, at most 400 days; and when nobody is."""
    with record.session([caller.tenant]) as tx:
        found = _one(tx, caller.tenant, schedule)
        begins = moment("query/from", since, found.zone, tx.now) or tx.now
        ends = moment("query/to", until, found.zone, begins) or begins + timedelta(days=30)
        if not begins < ends <= begins + _LONGEST:
            said = "must be after `from`, and at most 400 days after it"
            raise errors.Invalid([("query/to", said)])
        known = overrides.of(tx, [caller.tenant], begins, ends)[caller.tenant]
    return schema.Shifts(
        schedule=found.name, zone=found.zone,
        items=[_shift(each) for each in oncall.shifts(found, begins, ends, known)],
        gaps=[_gap(each) for each in oncall.gaps(found, begins, ends, known)],
    )  # fmt: skip


@router.get(
    "/oncall/{schedule}/calendar.ics",
    response_class=Response,
    responses={200: {"content": {_ICAL.partition(";")[0]: {"schema": {"type": "string"}}}}},
)
def export_calendar(schedule: str, caller: access.Reader, record: access.Recorded) -> Response:
    """The shifts of 180 days as an iCalendar, for programs that subscribe.

    They send the token as the password of basic authentication.
    """
    with record.session([caller.tenant]) as tx:
        found = _one(tx, caller.tenant, schedule)
        now = tx.now
        until = now + _CALENDAR
        # From before the shift that goes on, so that its event begins when it began.
        known = overrides.of(tx, [caller.tenant], now - _BACK, until)[caller.tenant]
    line = oncall.shifts(found, now - _BACK, until, known)
    text = oncall.calendar(found.name, [each for each in line if each.ends_at > now], now)
    return Response(text, media_type=_ICAL)


def moment(pointer: str, text: str | None, zone: str, now: datetime) -> datetime | None:
    """A moment as it was asked for, in UTC. Raises Invalid."""
    if text is None:
        return None
    try:
        found = oncall.read(text, zone, now)
    except ValueError as error:
        raise errors.Invalid([(pointer, str(error))]) from error
    if abs(found - now) > _FARTHEST:
        raise errors.Invalid([(pointer, "is more than ten years from now")])
    return found


def find(policy: Policy | None, name: str) -> oncall.Schedule:
    """A schedule of the policy in force. Raises NotFound."""
    known = policy.schedules if policy else {}
    if name not in known:
        said = f"there is no schedule `{name}` in this tenant" + problems.suggest(name, known)
        raise errors.NotFound(said)
    return known[name]


def _one(tx: Transaction, tenant: int, name: str) -> oncall.Schedule:
    return find(in_force.policy(tx, tenant), name)


def _chosen(policy: Policy | None, names: Sequence[str] | None) -> list[oncall.Schedule]:
    if names:
        return [find(policy, name) for name in dict.fromkeys(names)]
    return list(policy.schedules.values()) if policy else []


def _item(
    policy: Policy, schedule: oncall.Schedule, at: datetime, known: Sequence[oncall.Override]
) -> schema.OnCallItem:
    before = oncall.shifts(schedule, at - _BACK, at + _TICK, known)
    current = before[-1] if before and before[-1].ends_at > at else None
    following = oncall.following(schedule, at, known)
    people = following.people if isinstance(following, oncall.Shift) else ()
    began = current.starts_at if current else None
    return schema.OnCallItem(
        schedule=schedule.name, zone=schedule.zone, at=at,
        people=[_person(policy, name, at) for name in (current.people if current else ())],
        layer=current.layer if current else None,
        overrides=[str(each) for each in (current.overrides if current else ())],
        since=began if began and began > at - _BACK else None,
        next=schema.Change(people=list(people), starts_at=following.starts_at)
        if following else None,
    )  # fmt: skip


def _person(policy: Policy, name: str, at: datetime) -> schema.PersonOnCall:
    found = policy.person(name)
    zone = found.zone if found else "UTC"
    return schema.PersonOnCall(
        name=name, shown=(found.shown if found else None) or name, zone=zone,
        local=at.astimezone(ZoneInfo(zone)), awake=oncall.awake(zone, at),
        reachable=name in _reachable(policy),
    )  # fmt: skip


def _reachable(policy: Policy) -> set[str]:
    return {key.removeprefix("@").rpartition("/")[0] for key in policy.contacts}


def _coverage(
    policy: Policy, schedule: oncall.Schedule, since: datetime, until: datetime,
    known: Sequence[oncall.Override],
) -> schema.CoverageItem:  # fmt: skip
    found = oncall.coverage(
        schedule, since, until, known,
        people={each.name for each in policy.people}, reachable=_reachable(policy),
    )  # fmt: skip
    line = oncall.shifts(schedule, since, until, known)
    return schema.CoverageItem(
        schedule=schedule.name, zone=schedule.zone, whole=found.whole,
        gaps=[_gap(each) for each in found.gaps],
        empty=[_shift(each) for each in found.empty],
        unreachable=[schema.Unreachable(name=name, first=first.starts_at)
                     for name, first in found.unreachable],
        load=[_load(policy, name, line) for name in
              dict.fromkeys(name for each in line for name in each.people)],
    )  # fmt: skip


def _load(policy: Policy, name: str, line: Sequence[oncall.Shift]) -> schema.Load:
    person = policy.person(name)
    zone = person.zone if person else None
    mine = [each for each in line if name in each.people]
    whole = sum((each.ends_at - each.starts_at for each in mine), timedelta(0))
    return schema.Load(
        name=name, zone=zone, hours=_hours(whole),
        night_hours=_hours(oncall.nights(mine, zone or "UTC")),
    )  # fmt: skip


def _hours(length: timedelta) -> float:
    return round(length / timedelta(hours=1), 2)


def _shift(found: oncall.Shift) -> schema.ShiftItem:
    return schema.ShiftItem(
        people=list(found.people), starts_at=found.starts_at, ends_at=found.ends_at,
        layer=found.layer, overrides=[str(each) for each in found.overrides],
    )  # fmt: skip


def _gap(found: oncall.Gap) -> schema.GapItem:
    return schema.GapItem(starts_at=found.starts_at, ends_at=found.ends_at)
