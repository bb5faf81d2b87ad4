"""The states of an incident, and what may follow what."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from tocsin import errors

State = Literal["open", "acknowledged", "resolved"]
Act = Literal["acknowledge", "unacknowledge", "resolve", "reopen", "hand_over", "snooze"]

#: An act that finds its end state already reached changes nothing: people press twice.
_AFTER: dict[tuple[State, Act], State] = {
    ("open", "acknowledge"): "acknowledged",
    ("open", "unacknowledge"): "open",
    ("open", "resolve"): "resolved",
    ("open", "reopen"): "open",
    ("open", "hand_over"): "acknowledged",
    ("open", "snooze"): "acknowledged",
    ("acknowledged", "acknowledge"): "acknowledged",
    ("acknowledged", "unacknowledge"): "open",
    ("acknowledged", "resolve"): "resolved",
    ("acknowledged", "hand_over"): "acknowledged",
    ("acknowledged", "snooze"): "acknowledged",
    ("resolved", "resolve"): "resolved",
    ("resolved", "reopen"): "open",
}

_REFUSED: dict[tuple[State, Act], str] = {
    (
        "acknowledged",
        "reopen",
    ): "It is acknowledged, not resolved. Take the acknowledgement back instead.",
    ("resolved", "acknowledge"): "It is resolved already. Reopen it first if it is not over.",
    ("resolved", "unacknowledge"): "It is resolved already. Reopen it if it is not over.",
    ("resolved", "hand_over"): "It is resolved already. Reopen it first if it is not over.",
    ("resolved", "snooze"): "It is resolved already. Reopen it first if it is not over.",
}

#: A snooze is for a while, not for good: what is to be quiet for longer is silenced.
SHORTEST_SNOOZE, LONGEST_SNOOZE = timedelta(minutes=1), timedelta(days=7)


def after(state: State, act: Act) -> State:
    """The state that follows; raises errors.Conflict, which says what to do, if none does."""
    following = _AFTER.get((state, act))
    if following is None:
        raise errors.Conflict(_REFUSED[state, act])
    return following


def check_snooze(lasts: timedelta) -> None:
    """Raises errors.Invalid for a snooze that nobody can mean."""
    if not SHORTEST_SNOOZE <= lasts <= LONGEST_SNOOZE:
        said = "a snooze lasts 1m to 7d; make a silence for what is to be quiet for longer"
        raise errors.Invalid([("#/for", said)])


def reopens(
    resolved_at: datetime, resolved_by: str | None, now: datetime, window: timedelta
) -> bool:
    """Whether alerts that fire at `now` open the resolved incident again instead of a new one.

    Only if its alerts ended it (`resolved_by` None), not a person, and less than `window` ago.
    """
    return resolved_by is None and now < resolved_at + window
