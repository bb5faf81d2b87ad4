"""What rules remember over time: how long something holds, how often it came, how long it is away.

A state is fed with signs in any number and then settled at a moment: the answer depends on nothing
but the state and that moment, so that a restart or a late timer changes nothing. Times are whole
microseconds since 1970, because windows have sharp edges.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(microseconds=1)
#: More moments than this are not kept apart: neighbours count as of the later one.
MAX_SIGNS = 120
#: Alerts of which one state knows; the ones seen longest ago are forgotten first.
MAX_MARKS = 1000


class State(msgspec.Struct, omit_defaults=True):
    """What is remembered of one rule and one key.

    ``since`` is when a condition began to hold or the first step of a sequence came, ``last`` the
    last sign of life or second step, ``signs`` when how many came. ``marks`` are the alerts that it
    is about, with when they were last seen; ``labels`` the values of the key; ``raised`` the labels
    of the alert that stands raised.
    """

    on: bool = False
    since: int | None = None
    last: int | None = None
    signs: list[tuple[int, int]] = []
    marks: dict[str, int] = {}
    labels: dict[str, str] = {}
    raised: dict[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Sign:
    """What one alert says at one time.

    ``times`` it was sent between ``first`` and ``at``: 0 where nobody sent it but its facts changed
    or it is over. ``holds``: it fires and fulfils the rule's condition; ``then``: the second one of
    a sequence.
    """

    mark: str
    at: int
    first: int
    times: int
    holds: bool
    then: bool = False


@dataclass(frozen=True, slots=True)
class Holds:
    """The condition holds for so long; 0: as soon as it does. `look_back` is for its functions."""

    span: int = 0
    look_back: int = 0


@dataclass(frozen=True, slots=True)
class Counted:
    """It came so often within so long."""

    at_least: int
    span: int


@dataclass(frozen=True, slots=True)
class Absent:
    """Nothing came for so long."""

    span: int


@dataclass(frozen=True, slots=True)
class Followed:
    """The first step came, and then the second, at most so long after it."""

    span: int


Window = Holds | Counted | Absent | Followed


@dataclass(frozen=True, slots=True)
class Settled:
    """`due`: when to look again (None: not before the next sign); `turned`: alerts concerned."""

    due: int | None
    turned: tuple[str, ...] = ()


def ticks(moment: datetime) -> int:
    """Microseconds since 1970."""
    return (moment - EPOCH) // _TICK


def moment(at: int) -> datetime:
    return EPOCH + at * _TICK


def length(span: timedelta) -> int:
    return span // _TICK


def feed(window: Window, state: State, sign: Sign) -> None:
    """Take a sign into the state."""
    if isinstance(window, Holds):
        _feed_holds(window, state, sign)
    elif not sign.times:
        return
    elif isinstance(window, Followed):
        _feed_steps(window, state, sign)
    elif sign.holds and isinstance(window, Counted):
        _note(state, sign)
        _marked(state, sign)
    elif sign.holds:
        state.last = max(sign.at, state.last or sign.at)


def count(state: State, sign: Sign) -> None:
    """Note how often an alert came, for the functions that look back."""
    if sign.times:
        _note(state, sign)


def came(state: State, now: int, span: int) -> int:
    """How often it came in the time up to now."""
    return sum(times for at, times in state.signs if now - at < span)


def settle(window: Window, state: State, now: int) -> Settled:
    """Decide whether the rule is on; forget what is too old to matter."""
    was, marks = state.on, tuple(state.marks)
    if isinstance(window, Holds):
        due = _settle_holds(window, state, now)
    elif isinstance(window, Counted):
        due = _settle_count(window, state, now)
    elif isinstance(window, Absent):
        due = _settle_absent(window, state, now)
    else:
        due = _settle_steps(window, state, now)
    return Settled(due, marks if state.on != was else ())


def idle(state: State) -> bool:
    """Whether there is nothing to remember."""
    nothing = state.since is None and state.last is None and not state.signs
    return nothing and not state.on and state.raised is None


def _feed_holds(window: Holds, state: State, sign: Sign) -> None:
    _marked(state, sign)
    if not sign.holds:
        state.since = None
    elif state.since is None:
        state.since = sign.first


def _settle_holds(window: Holds, state: State, now: int) -> int | None:
    state.signs = [(at, times) for at, times in state.signs if now - at < window.look_back]
    state.on = state.since is not None and now - state.since >= window.span
    if state.since is None:
        # Counts alone are swept when the last of them is too old; nobody waits for that.
        return state.signs[-1][0] + window.look_back if state.signs else None
    if not state.on:
        return state.since + window.span
    if state.signs:
        # Each sign that grows too old may end it; a tenth of the time is exact enough.
        return max(state.signs[0][0] + window.look_back, now + window.look_back // 10)
    return None


def _settle_count(window: Counted, state: State, now: int) -> int | None:
    kept: list[tuple[int, int]] = []
    total = 0
    for at, times in reversed(state.signs):
        if now - at >= window.span or total >= window.at_least:
            break
        kept.append((at, times))
        total += times
    state.signs = kept[::-1]
    state.on = total >= window.at_least
    state.marks = {mark: at for mark, at in state.marks.items() if now - at < window.span}
    if not kept:
        return None
    return (kept[-1] if state.on else kept[0])[0] + window.span


def _settle_absent(window: Absent, state: State, now: int) -> int | None:
    state.on = state.last is not None and now - state.last >= window.span
    return None if state.on or state.last is None else state.last + window.span


def _feed_steps(window: Followed, state: State, sign: Sign) -> None:
    """The second step first: an alert that is both does not follow itself."""
    if sign.then and state.since is not None:
        fitting = [at for at in (sign.first, sign.at) if 0 <= at - state.since <= window.span]
        if fitting:
            state.last = max(fitting)
            _marked(state, sign)
    if sign.holds:
        state.since = max(sign.at, state.since or sign.at)


def _settle_steps(window: Followed, state: State, now: int) -> int | None:
    state.on = state.last is not None and now - state.last < window.span
    if state.since is not None and now - state.since > window.span:
        state.since = None
    if state.on and state.last is not None:
        return state.last + window.span
    state.last, state.marks = None, {}
    return None if state.since is None else state.since + window.span + 1


def _note(state: State, sign: Sign) -> None:
    """The first of several at its time, the others at theirs: the last."""
    if sign.times > 1:
        fresh = [(sign.first, 1), (sign.at, sign.times - 1)]
    else:
        fresh = [(sign.at, sign.times)]
    signs = sorted([*state.signs, *fresh])
    while len(signs) > MAX_SIGNS:
        signs = [
            (later[0], earlier[1] + later[1])
            for earlier, later in zip(signs[::2], signs[1::2], strict=False)
        ] + signs[len(signs) // 2 * 2 :]
    state.signs = signs


def _marked(state: State, sign: Sign) -> None:
    """In the order in which they were last seen, so that the oldest stands first."""
    state.marks.pop(sign.mark, None)
    state.marks[sign.mark] = sign.at
    if len(state.marks) > MAX_MARKS:
        del state.marks[next(iter(state.marks))]
