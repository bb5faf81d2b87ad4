"""What is usual: a level with its spread, a share of values, a count for each hour of the week.

All of it is learnt one arrival at a time, in constant space, and forgets: what is new stays unusual
for a while and is usual thereafter. Nothing here reads a clock. A stray value moves a level by a
few spreads at most, which is what a median would do, without keeping the values.
"""

from __future__ import annotations

import math
import zlib

import msgspec

HOUR = 3600
#: Hours of silence that are looked at one by one; what is longer counts as this long.
LONGEST = 14 * 24
#: Values of one label that are counted apart, and labels of one stream.
MAX_VALUES, MAX_LABELS = 24, 12
#: Mean absolute deviation of a normal distribution, as a share of its standard deviation.
MEAN_DEVIATION = 0.8


class Level(msgspec.Struct, array_like=True):
    """Where values lie (`middle`), how far they stray (`spread`), after `seen` of them.

    ``up`` and ``down`` add up small departures to one side, so that a slow climb shows that no
    single value gives away.
    """

    middle: float = 0.0
    spread: float = 0.0
    seen: int = 0
    up: float = 0.0
    down: float = 0.0

    def far(self, value: float, floor: float) -> float:
        """How many spreads above the middle, negative below; 0 after fewer than five values."""
        if self.seen < 5:
            return 0.0
        return (value - self.middle) / (self.spread / MEAN_DEVIATION + floor)

    def learn(self, value: float, floor: float, forget: float = 0.01) -> None:
        """Move towards a value; the first ones count fully, later ones `forget` the old."""
        far = max(-3.0, min(3.0, self.far(value, floor)))
        self.up = min(20.0, max(0.0, self.up * 0.98 + far - 0.75))
        self.down = min(20.0, max(0.0, self.down * 0.98 - far - 0.75))
        step, pull = value - self.middle, max(1.0 / (self.seen + 1), forget)
        if self.seen >= 8:
            bound = 3.0 * (self.spread / MEAN_DEVIATION + floor)
            step = max(-bound, min(bound, step))
        if self.seen == 0:
            step = 0.0
            self.middle = value
        self.middle += pull * step
        self.spread += pull * (abs(step) - self.spread)
        self.seen += 1


class Shares(msgspec.Struct, array_like=True):
    """How often each value of a label came, and how surprising its values usually are."""

    counts: dict[str, float] = {}
    total: float = 0.0
    novel: float = 0.0
    usual: float = 0.0

    def surprise(self, value: str) -> float:
        """How much less likely than usual it is, in nats; 0 before ten values were seen."""
        return max(0.0, self._surprise(value) - self.usual) if self.total >= 10 else 0.0

    def _surprise(self, value: str) -> float:
        had = self.counts.get(mark(value), 0.0)
        # A label whose values are always new, such as a pod, is not surprising by a new one.
        share = had / (self.total + 1) if had else (self.novel + 0.5) / (self.total + 1)
        return -math.log(max(share, 0.5 / (self.total + 1)))

    def share(self, value: str) -> float:
        return self.counts.get(mark(value), 0.0) / max(1.0, self.total)

    def learn(self, value: str) -> None:
        if self.total >= 10:
            self.usual += max(1.0 / (self.total - 9), 0.02) * (self._surprise(value) - self.usual)
        key = mark(value)
        if key not in self.counts:
            self.novel += 1
            if len(self.counts) >= MAX_VALUES:
                del self.counts[min(self.counts, key=lambda held: self.counts[held])]
        self.counts[key] = self.counts.get(key, 0.0) + 1
        self.total += 1
        if self.total > 1000:
            self.counts = {held: count / 2 for held, count in self.counts.items()}
            self.total, self.novel = self.total / 2, self.novel / 2


def mark(value: str) -> str:
    """A short stand-in for a value: what is learnt keeps no text of alerts."""
    return f"{zlib.crc32(value.encode('utf-8', 'replace')):08x}"


def above(count: float, usual: float) -> float:
    """How far a count lies above a usual one, in standard deviations of a Poisson count."""
    return 2.0 * (math.sqrt(count + 0.375) - math.sqrt(usual + 0.375))


class Hours(msgspec.Struct, array_like=True):
    """How many come in each hour of the day and of the week, and how much that varies.

    ``now`` is the hour that is being counted, as hours since 1970 (UTC); ``past`` are the 24 before
    it, the latest last. ``days[h]`` forgets in about five days, ``week[h]`` in about three weeks.
    ``active[h]`` is on how many days anything came in that hour at all.
    """

    now: int = -1
    count: int = 0
    closed: int = 0
    level: float = 0.0
    days: list[float] = []
    week: list[float] = []
    past: list[int] = []
    active: list[float] = []
    usual_hour: float = 0.8
    varies: float = 0.8
    varies_day: float = 0.8
    usual_day: float = 0.0

    def usual(self, hour: int) -> float:
        """How many usually come in this hour."""
        if not self.closed:
            return 0.0
        by_day = min(10.0, self.closed / 24)
        daily = (self.level / 4 + by_day * self.days[hour % 24]) / (0.25 + by_day)
        by_week = min(6.0, self.closed // 168)
        return (2 * daily + by_week * self.week[_of_week(hour)]) / (2 + by_week)

    def missed(self, since: float, until: float) -> float:
        """How many usually come between two moments."""
        first, last = int(since // HOUR), int(until // HOUR)
        if first == last:
            return self.usual(first) * (until - since) / HOUR
        start = max(first + 1, last - LONGEST)
        whole = sum(self.usual(hour) for hour in range(start, last))
        ends = self.usual(first) * ((first + 1) - since / HOUR)
        return whole + ends + self.usual(last) * (until / HOUR - last)

    def move(self, at: float) -> None:
        """Let it be this late: hours that are over by now are learnt, empty ones as well."""
        hour = int(at // HOUR)
        if self.now < 0:
            self.now, self.days, self.week = hour, [0.0] * 24, [0.0] * 168
            self.active = [0.0] * 24
        if hour - self.now > LONGEST:
            self._close()
            self.now, self.count = hour - LONGEST, 0
        while self.now < hour:
            self._close()
            self.now += 1
            self.count = 0
            if self.now == hour or self.closed % 24 == 0:
                self.usual_day = sum(self.usual(hour - back) for back in range(24))

    def unusual_hour(self) -> float:
        """How much rarer than usual this hour is, in nats; 0 before it came in eight hours."""
        total = sum(self.active)
        if total < 8 or self.closed < 72:
            return 0.0
        return max(0.0, self._rare(self.now, total) - self.usual_hour)

    def arrive(self) -> None:
        if not self.count:
            total = sum(self.active)
            if total >= 8:
                self.usual_hour += 0.05 * (self._rare(self.now, total) - self.usual_hour)
            self.active = [held * 0.995 for held in self.active] if total > 200 else self.active
            self.active[self.now % 24] += 1
        self.count += 1

    def day(self) -> int:
        """How many came in the last 24 hours."""
        return sum(self.past[-23:]) + self.count

    def _rare(self, hour: int, total: float) -> float:
        near = self.active[(hour - 1) % 24] + self.active[(hour + 1) % 24]
        return -math.log((self.active[hour % 24] + 0.5 * near + 0.25) / (2 * total + 6))

    def _close(self) -> None:
        usual, hour = self.usual(self.now), self.now
        if self.closed >= 24:
            strays = min(6.0, abs(above(self.count, usual)))
            self.varies += 0.01 * (strays - self.varies)
            strays = min(6.0, abs(above(self.day(), self.usual_day)))
            self.varies_day += 0.01 * (strays - self.varies_day)
        # One hour teaches at most what a bad one would: a storm is not the new usual at once.
        taught = min(float(self.count), 4 * usual + 10) if self.closed >= 24 else self.count
        self.closed += 1
        self.level += max(1.0 / self.closed, 0.01) * (taught - self.level)
        seen = (self.closed - 1) // 24 + 1
        self.days[hour % 24] += max(1.0 / seen, 0.2) * (taught - self.days[hour % 24])
        place, weeks = _of_week(hour), (self.closed - 1) // 168 + 1
        self.week[place] += max(1.0 / weeks, 0.3) * (taught - self.week[place])
        self.past = [*self.past[-23:], self.count]


def _of_week(hour: int) -> int:
    # 1 January 1970 was a Thursday: hour 0 of a week is Monday's first.
    return (hour + 3 * 24) % 168
