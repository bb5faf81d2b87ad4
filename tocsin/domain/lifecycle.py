"""What an arriving alert means, given what is known of it: new, over, a repeat or out of date.

The version of an alert is when it started, then its status, then when it ended. For deliveries
that all name the start of the same interval the end state does not depend on their order or on
how often each arrives. A late delivery of an interval that ended before the stored one began
changes nothing. Intervals of two senders that overlap are merged, and there, as in Alertmanager,
the status that came last stands.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from schemas.alert import Alert, Status

Kind = Literal["new", "refired", "resolved", "repeat", "stale"]

#: How far ahead of ours a sender's clock may be before we stop believing its times.
SKEW = timedelta(minutes=5)
#: No sender lets an alert that fires run out so soon: such an end says that it is over.
AHEAD = timedelta(minutes=1)


class Known(msgspec.Struct, frozen=True, gc=False):
    """What is stored of an alert.

    While it fires, ``ends_at`` is None and ``expires_at`` is when it ends unless it is posted
    again (None: never by itself). Once it is over, ``ends_at`` says since when; ``expires_at`` is
    then set only if nobody said so and it merely ran out, which a later firing may contradict.
    """

    status: Status
    starts_at: datetime
    ends_at: datetime | None = None
    expires_at: datetime | None = None


class Verdict(msgspec.Struct, frozen=True, gc=False):
    """What the arrival means, and the state to store (of a stale one: the stored one)."""

    kind: Kind
    status: Status
    starts_at: datetime
    ends_at: datetime | None = None
    expires_at: datetime | None = None

    def known(self) -> Known:
        """The state after this verdict."""
        return Known(self.status, self.starts_at, self.ends_at, self.expires_at)


def judge(known: Known | None, incoming: Alert, now: datetime) -> Verdict:
    """What `incoming`, received at `now`, means for an alert of which `known` is stored.

    "resolved" of an unknown alert has nothing to tell: it is stored so that the firing that it
    overtook is stale when it comes. Times that cannot be (a start or end more than `SKEW` ahead,
    an end before the start) are set to now and to the start.
    """
    if incoming.status == "firing" and not (incoming.ends_at and incoming.ends_at <= now):
        return _fire(known, incoming, now)
    return _resolve(known, incoming, now)


def unaged(incoming: Alert, received: datetime, now: datetime) -> Alert:
    """The alert as its sender meant it: it did not run out while it only waited for us.

    An expiry counts from when it is looked at. Else what was accepted as firing, and then waited
    longer than it lasts, would be over before anybody was told. An end that was just ahead when it
    came is one by a clock that is before ours.
    """
    if incoming.status != "firing" or incoming.ends_at is None or incoming.ends_at > now:
        return incoming
    lasts = incoming.ends_at - received
    return msgspec.structs.replace(incoming, ends_at=now + lasts) if lasts > AHEAD else incoming


def expired(known: Known, now: datetime) -> bool:
    """Whether a firing alert has run out because nobody posted it again in time."""
    return known.status == "firing" and known.expires_at is not None and known.expires_at <= now


def expire(known: Known) -> Verdict:
    """The end of an alert that has `expired`: over since its expiry, which is remembered.

    Raises ValueError for an alert that never expires.
    """
    if known.expires_at is None:
        raise ValueError("this alert has no expiry: ask `expired` first")
    ended = max(known.expires_at, known.starts_at)
    return Verdict("resolved", "resolved", known.starts_at, ended, known.expires_at)


def _fire(known: Known | None, incoming: Alert, now: datetime) -> Verdict:
    starts, expires = _believable(incoming.starts_at, now), incoming.ends_at
    if known is None:
        return Verdict("new", "firing", starts or now, None, expires)
    ended = _over_since(known, now)
    if ended is None:
        start = min(starts, known.starts_at) if starts else known.starts_at
        return Verdict("repeat", "firing", start, None, _later(known.expires_at, expires))
    if starts is None:
        return Verdict("refired", "firing", now, None, expires)
    if starts <= known.starts_at and known.expires_at is None:
        return _stale(known)
    # One that merely ran out is taken up again where it was: its sender had been cut off.
    start = min(starts, known.starts_at) if starts < ended else starts
    return Verdict("refired", "firing", start, None, expires)


def _resolve(known: Known | None, incoming: Alert, now: datetime) -> Verdict:
    starts, ends = _believable(incoming.starts_at, now), _believable(incoming.ends_at, now)
    if known is None:
        ends = ends or max(now, starts or now)
        starts = starts or ends
        return Verdict("resolved", "resolved", starts, max(starts, ends))
    if starts is None:
        starts = known.starts_at if ends is None or ends >= known.starts_at else ends
    if starts < known.starts_at and (ends is None or ends <= known.starts_at):
        return _stale(known)
    stored, ended = _over_since(known, now), max(ends or now, starts)
    if stored and (starts > stored or (ends and starts == stored < ended)):
        return Verdict("resolved", "resolved", starts, ended)
    start = min(starts, known.starts_at)
    if known.status == "firing":
        return Verdict("resolved", "resolved", start, ended)
    if stored and known.expires_at is None:
        ended = max(stored, ended if ends else starts)
    return Verdict("repeat", "resolved", start, ended)


def _over_since(known: Known, now: datetime) -> datetime | None:
    """When the stored interval ended or, noted or not, ran out; None while it fires."""
    if known.status == "resolved":
        return known.ends_at or known.starts_at
    if expired(known, now) and known.expires_at:
        return max(known.expires_at, known.starts_at)
    return None


def _stale(known: Known) -> Verdict:
    return Verdict("stale", known.status, known.starts_at, known.ends_at, known.expires_at)


def _believable(moment: datetime | None, now: datetime) -> datetime | None:
    return now if moment is not None and moment > now + SKEW else moment


def _later(one: datetime | None, other: datetime | None) -> datetime | None:
    """The later expiry; None is never."""
    return max(one, other) if one and other else None
