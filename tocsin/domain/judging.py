"""What the rules make of the alerts of one drain: first all signs are taken in, then it is settled.

Conditions see each alert as enrichment left it; effects apply in the order of the document, later
ones over earlier ones, and a drop wins. A rule that fails is passed over for that alert.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from schemas.alert import Severity
from tocsin.domain import rules, severity, windows
from tocsin.domain.change import Change, Repeat
from tocsin.domain.rules import Rule, Rules, Subject

#: Told of a rule that raised an exception.
Failed = Callable[[Rule, Exception], None]
#: Kinds of changes that somebody sent; the others Tocsin found out by itself.
SENT = frozenset({"new", "refired"})


@dataclass(slots=True)
class Entry:
    """A state on its way through a drain; `stored` is the text that the record has of it."""

    key: str
    rule: Rule
    state: windows.State
    stored: bytes | None = None
    #: When it is to be looked at again, and when the record has that it is.
    due: int | None = None
    armed: int | None = None
    #: Alerts concerned by its turning on or off.
    turned: tuple[str, ...] = ()


#: By key and rule.
Memory = dict[tuple[str, str], Entry]


@dataclass(slots=True)
class Met:
    """A change or a repeat, the rules that it can meet, and which of their conditions hold."""

    change: Change
    about: Subject
    candidates: list[Rule]
    at: int
    first: int
    times: int
    holds: dict[str, bool] = field(default_factory=dict)
    follows: dict[str, bool] = field(default_factory=dict)
    #: It is over by now, whatever this change says: it counts, but nothing holds for it.
    over: bool = False


@dataclass(slots=True)
class Judged:
    """What rules say of an alert: labels, severity, and by which rule it is dropped and why."""

    ruled: dict[str, str]
    severity: Severity
    drop: str | None = None


def of_change(
    all_rules: Rules, change: Change, now: datetime, failed: Failed, *, over: bool = False
) -> Met:
    """A change meets the rules; one that is over meets none, but ends what held for it.

    `over`: the alert ended since this change, on whose way here something else overtook it.
    """
    about = rules.subject(change, now)
    at = windows.ticks(change.received_at)
    fires = change.status == "firing"
    times = 1 if fires and change.kind in SENT else 0
    candidates = all_rules.candidates(about) if fires else []
    if over:
        candidates = [rule for rule in candidates if rule.by is not None]
    seen = at if times else windows.ticks(now)
    met = Met(change, about, candidates, seen, at, times, over=over or not fires)
    _ask(met, failed)
    return met


def of_repeat(all_rules: Rules, repeat: Repeat, now: datetime, failed: Failed) -> Met:
    """A repeat meets the rules that count."""
    about = rules.subject(repeat.change, now)
    candidates = [rule for rule in all_rules.candidates(about) if rule.counts]
    met = Met(
        repeat.change, about, candidates, windows.ticks(repeat.last),
        windows.ticks(repeat.first), repeat.times,
    )  # fmt: skip
    _ask(met, failed)
    return met


def _ask(met: Met, failed: Failed) -> None:
    """Conditions that look back wait until it was counted."""
    for rule in met.candidates:
        if not rule.looks_back:
            _hold(met, rule, failed)


def _hold(met: Met, rule: Rule, failed: Failed) -> None:
    try:
        met.holds[rule.id] = rule.holds(met.about)
        met.follows[rule.id] = rule.follows(met.about)
    except Exception as error:
        met.holds.pop(rule.id, None)
        failed(rule, error)


def keys(met: Met) -> set[str]:
    """The keys under which something may be remembered that this concerns."""
    mark = met.change.fingerprint
    found = {mark}
    for rule in met.candidates:
        if rule.by is not None and (met.holds.get(rule.id) or met.follows.get(rule.id)):
            found.add(rule.key(mark, met.about))
    return found


def feed(met: Met, memory: Memory, now: datetime, failed: Failed, *, only_count: bool) -> None:
    """Take in one sign. `only_count`: a change of the same drain says whether it still holds."""
    mark = met.change.fingerprint
    fed = set()
    for rule in met.candidates:
        if not rule.remembers:
            continue
        fed.add(rule.id)
        entry = _entry(memory, rule, rule.key(mark, met.about), met)
        if rule.looks_back:
            _count(met, rule, entry, now, failed)
        holds = met.holds.get(rule.id)
        if holds is None or entry is None or (rule.by is None and only_count):
            continue
        sign = windows.Sign(mark, met.at, met.first, met.times, holds, met.follows[rule.id])
        windows.feed(rule.window, entry.state, sign)
        if holds:
            entry.state.labels = rule.labels(met.about)
    if not only_count and met.change.event:
        _let_go(met, memory, fed)


def _entry(memory: Memory, rule: Rule, key: str, met: Met) -> Entry | None:
    """The state of a rule, made where there is something to remember."""
    found = memory.get((key, rule.id))
    matters = rule.looks_back or met.holds.get(rule.id) or met.follows.get(rule.id)
    if found is None and matters:
        found = memory[key, rule.id] = Entry(key, rule, windows.State())
    return found


def _count(met: Met, rule: Rule, entry: Entry | None, now: datetime, failed: Failed) -> None:
    if entry is None:
        return
    sign = windows.Sign(met.change.fingerprint, met.at, met.first, met.times, holds=True)
    windows.count(entry.state, sign)
    met.about.counted = (entry.state, windows.ticks(now))
    _hold(met, rule, failed)
    met.about.counted = None


def _let_go(met: Met, memory: Memory, fed: set[str]) -> None:
    """What held for an alert that is over, or that the rule cannot mean any more."""
    mark = met.change.fingerprint
    for (key, id), entry in memory.items():
        if key == mark and id not in fed:
            sign = windows.Sign(mark, met.at, met.first, 0, holds=False)
            windows.feed(entry.rule.window, entry.state, sign)


def settle_by_time(memory: Memory, now: datetime) -> None:
    """Settle what time alone decides.

    A condition that looks back may have ceased to hold since it was last asked: its rule does not
    turn on here, but the alert is sent round and asked anew.
    """
    before = {key: entry.state.on for key, entry in memory.items()}
    settle(memory, now)
    for key, entry in memory.items():
        if entry.rule.looks_back and entry.state.since is not None:
            entry.state.on = before[key]
            entry.turned = tuple(entry.state.marks)


def settle(memory: Memory, now: datetime) -> None:
    """Decide of every state whether its rule is on now."""
    for entry in memory.values():
        done = windows.settle(entry.rule.window, entry.state, windows.ticks(now))
        entry.due, entry.turned = done.due, done.turned


def judged(met: Met, memory: Memory) -> Judged:
    """What the rules that are on say of this alert."""
    ruled: dict[str, str] = {}
    drop: str | None = None
    for rule in met.candidates:
        if not rule.effects.touch or not _on(met, rule, memory):
            continue
        ruled.update(rule.effects.labels)
        if rule.effects.drop is not None and drop is None:
            drop = f"{rule.name}: {rule.effects.drop}"
    said = ruled.get("severity")
    return Judged(ruled, severity.of({"severity": said}) if said else met.about.severity, drop)


def _on(met: Met, rule: Rule, memory: Memory) -> bool:
    meant = met.follows if rule.then is not None else met.holds
    if not meant.get(rule.id):
        return False
    if not rule.remembers:
        return True
    entry = memory.get((rule.key(met.change.fingerprint, met.about), rule.id))
    return entry is not None and entry.state.on
