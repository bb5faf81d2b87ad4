"""Moments in pages: relative in sight, absolute on hover; the script turns both into local time."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from markupsafe import Markup

from tocsin.i18n import say

_TIME = Markup('<time datetime="{at}" class="{kind}" title="{full}">{text}</time>')


def ago(at: datetime, now: datetime, locale: str = "en") -> Markup:
    """How long ago (or how soon) it is, in words."""
    return _time(at, "ago", relative((now - at).total_seconds(), locale))


def clock(at: datetime) -> Markup:
    """The wall-clock time; of the viewer's zone where scripts run, else UTC."""
    return _time(at, "clock", f"{at:%H:%M} UTC")


def moment(at: datetime) -> Markup:
    """Date and time."""
    return _time(at, "moment", f"{at:%d %b %H:%M} UTC")


def there(at: datetime, zone: str) -> Markup:
    """Date and time on the clocks of a zone; the script leaves it, but for the title."""
    return _time(at, "there", f"{at.astimezone(ZoneInfo(zone)):%a %d %b %H:%M}")


def left(at: datetime, now: datetime) -> Markup:
    """A countdown in minutes and seconds, which the script keeps going."""
    seconds = max(0, int((at - now).total_seconds()))
    return _time(at, "left", f"{seconds // 60}:{seconds % 60:02}")


def relative(seconds: float, locale: str = "en") -> str:
    """`3 min ago`, `in 20 s`, `2 d ago`; the script of the pages says the same."""
    distance = abs(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if distance >= size:
            text = f"{int(distance // size)} {unit}"
            break
    else:
        if distance < 5:
            return say("ui.time.now", locale)
        text = f"{int(distance)} s"
    return say("ui.time.ago" if seconds > 0 else "ui.time.in", locale, span=text)


def _time(at: datetime, kind: str, text: str) -> Markup:
    return _TIME.format(at=at.isoformat(), kind=kind, full=f"{at:%Y-%m-%d %H:%M:%S} UTC", text=text)
