"""When a step of an escalation holds: by severity, day, time of day, holiday, number of alerts."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from typing import get_args

from schemas.alert import Severity
from schemas.escalation import Condition
from schemas.holidays import Holidays
from schemas.people import Weekday

_WEEKDAYS: tuple[str, ...] = get_args(Weekday)


def holds(
    condition: Condition,
    severity: Severity,
    alerts: int,
    holidays: Mapping[str, Holidays],
    now: datetime,
) -> bool:
    """Whether all that is given is so; days and times are those of the condition's zone.

    A calendar that the policy does not have any more excludes nothing: paging fails open.
    """
    local = now.astimezone(zoneinfo.ZoneInfo(condition.zone))
    if condition.severity and severity not in condition.severity:
        return False
    if condition.alerts is not None and alerts < condition.alerts:
        return False
    if condition.weekdays and _WEEKDAYS[local.weekday()] not in condition.weekdays:
        return False
    if condition.from_ is not None and condition.to is not None:
        clock = f"{local:%H:%M}"
        if not _between(clock, condition.from_, condition.to):
            return False
    only = holidays.get(condition.holiday or "")
    if only is not None and local.date() not in only.days:
        return False
    never = holidays.get(condition.not_holiday or "")
    return never is None or local.date() not in never.days


def _between(clock: str, start: str, end: str) -> bool:
    """Times of day as text sort as they follow one another; 24:00 comes after all of them."""
    if start == end:
        return True
    if start < end:
        return start <= clock < end
    return clock >= start or clock < end
