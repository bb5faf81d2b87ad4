"""Moments as senders write them: year 1 means "not set", the far future means "never"."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ingest.sources._bad import Bad

#: From here on a moment is "never"; also keeps arithmetic below from leaving datetime's range.
FAR = datetime(9000, 1, 1, tzinfo=UTC)
#: A start that lies further ahead is a broken clock: it would outdate all later, true ones.
AHEAD = timedelta(days=1)


def utc(value: datetime | None, field: str) -> datetime | None:
    """The same moment in UTC, None where it is not set; raises Bad without a time zone."""
    if value is None or value.year == 1:
        return None
    if value.tzinfo is UTC:
        return value if value < FAR else FAR
    if value.tzinfo is None:
        raise Bad(field, "must have a time zone, such as Z or +02:00")
    return FAR if value.year >= FAR.year else value.astimezone(UTC)


def start(value: datetime | None, now: datetime) -> datetime | None:
    """The start, or None ("not set": the stored one stays) where it is far in the future."""
    return None if value is None or value - now > AHEAD else value
