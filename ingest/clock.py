"""The record's clock as this process knows it: read with each look-up, carried on in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class Clock:
    """tocsin_now() to within a look-up's age: the machine's clock and the offset last seen."""

    def __init__(self) -> None:
        self._offset = timedelta(0)

    def learn(self, record_now: datetime) -> None:
        self._offset = record_now - datetime.now(UTC)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._offset
