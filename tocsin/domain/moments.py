"""Moments as the world writes them: RFC 3339 and its careless relatives, or seconds since 1970."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

#: Larger numbers are milliseconds: as seconds they would lie beyond the year 5000.
_MILLISECONDS_FROM = 1e11
_DIGITS = re.compile(r"\d{9,14}(\.\d{1,9})?", re.ASCII)
#: Python reads at most six digits after the point.
_FINER = re.compile(r"(\.\d{6})\d+", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read(value: object) -> datetime | None:
    """The moment in UTC, None for what is absent, empty or 0; one without a zone counts as UTC.

    Raises ValueError that says what a moment is.
    """
    if value is None or value in ("", 0) or isinstance(value, bool):
        if isinstance(value, bool):
            raise ValueError("must be a date and time, not true or false")
        return None
    if isinstance(value, int | float):
        return _since_1970(float(value))
    if isinstance(value, str):
        text = value.strip()
        if _DIGITS.fullmatch(text):
            return _since_1970(float(text))
        return _written(text)
    raise ValueError("must be a date and time, as in RFC 3339 or in seconds since 1970")


def _written(text: str) -> datetime:
    try:
        if len(text) < 16 or len(text) > 64:
            raise ValueError
        found = datetime.fromisoformat(_FINER.sub(r"\1", text))
        if found.tzinfo is None:
            found = found.replace(tzinfo=UTC)
        return found.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("must be a date and time as in RFC 3339") from None


def _since_1970(number: float) -> datetime:
    seconds = number / 1000 if abs(number) >= _MILLISECONDS_FROM else number
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise ValueError("is too far from now to be a moment") from None
