"""What is wrong with one alert, told to its sender and kept in the quarantine."""

from __future__ import annotations


class Bad(ValueError):
    """This alert cannot be read: which field ("" for all of it), and why."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason
