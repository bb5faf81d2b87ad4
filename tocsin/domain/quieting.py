"""What keeps the alerts of a group quiet at a moment: its route's hours, inhibitors, silences."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tocsin.domain import explanation, inhibition, suppression, time_intervals

#: What stands before the name of a time interval where it is said what holds an alert back.
INTERVAL = "interval:"


class Held(NamedTuple):
    """What holds an alert back, by what it is: ids of silences and windows, fingerprints, names."""

    silences: tuple[str, ...] = ()
    inhibitors: tuple[str, ...] = ()
    intervals: tuple[str, ...] = ()


def apart(by: Iterable[str]) -> Held:
    """What `Quiet.holds` says, sorted out."""
    found: dict[str, list[str]] = {inhibition.PREFIX: [], INTERVAL: [], "": []}
    for each in by:
        prefix = next(prefix for prefix in found if each.startswith(prefix))
        found[prefix].append(each.removeprefix(prefix))
    return Held(tuple(found[""]), tuple(found[inhibition.PREFIX]), tuple(found[INTERVAL]))


@dataclass(frozen=True, slots=True)
class Quiet:
    """All that can hold back the alerts of one group now; `closed` is why its route is quiet."""

    hours: time_intervals.Hours
    silences: suppression.Index
    inhibited: Mapping[str, inhibition.Hold]
    now: datetime
    closed: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        names = time_intervals.muted_by(self.hours, self.now)
        object.__setattr__(self, "closed", tuple(INTERVAL + name for name in names))

    def holds(self, mark: str, labels: Mapping[str, str]) -> tuple[str, ...]:
        """What holds this alert back, the strongest explanation first; nothing: it is told of."""
        by = suppression.silenced_by(self.silences, labels, self.now)
        if (hold := self.inhibited.get(mark)) is not None:
            by += (inhibition.PREFIX + hold.source,)
        return by + self.closed

    def explain(self, by: tuple[str, ...], *, inhibited: str) -> tuple[explanation.Outcome, str]:
        """Outcome and cause of an alert, of this fingerprint, that these hold back."""
        silences = [each for each in by if not each.startswith((INTERVAL, inhibition.PREFIX))]
        if silences and suppression.outcome(self.silences, silences) == "silenced":
            return "silenced", " ".join(silences)
        hold = self.inhibited.get(inhibited)
        if hold is not None and inhibition.PREFIX + hold.source in by:
            return "inhibited", f"{hold.source}/{hold.rule}"
        if silences:
            return "muted", " ".join(silences)
        return "muted", " ".join(each.removeprefix(INTERVAL) for each in by)

    def ends(self, held: Mapping[str, Iterable[str]]) -> datetime | None:
        """When the first of what holds something back ends by itself: then the group asks again."""
        by = {each for some in held.values() for each in some}
        filed = (self.silences.others, *self.silences.by_label.values())
        times = [s.ends_at for some in filed for s in some if s.id in by]
        if by.intersection(self.closed):
            times.append(time_intervals.next_change(self.hours, self.now))
        return min(times, default=None)
