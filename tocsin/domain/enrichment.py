"""What is known about an alert beyond what it says: labels for the routes, facts for the reader."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from tocsin.domain import enrichers, matchers

#: A value is cut to so many characters, and an alert gets no more names than this.
MAX_LABEL = 1024
MAX_FACT = 4096
MAX_NAMES = 128
#: The fact, Tocsin's own, that says what is missing: one line for each gap.
GAPS = "_gaps"

Why = Literal["late", "stale", "broken"]
#: A step's digest, and what it asked.
AskKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Lookup:
    """A row of the table: what is set for the alerts that match."""

    matchers: tuple[matchers.Matcher, ...]
    set: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Step:
    """A prepared enricher. ``digest`` is made of its settings: with others it asks anew.

    ``overwrite``: it may replace labels and facts that are there already.
    """

    digest: str = field(compare=False)
    name: str
    enricher: enrichers.Enricher = field(compare=False)
    settings: Any = None
    matchers: tuple[matchers.Matcher, ...] = ()
    overwrite: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody who was asked said; ``stale`` is when, if it may be true no longer."""

    given: enrichers.Given
    stale: datetime | None = None


class Gap(NamedTuple):
    """A step whose facts are missing: not known yet, out of date since ``at``, or it failed."""

    why: Why
    name: str
    at: datetime | None = None


@dataclass(slots=True)
class Found:
    """What the steps made of one alert; ``asks`` are the questions without an answer."""

    labels: dict[str, str]
    added: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    asks: dict[AskKey, tuple[Step, enrichers.Ask]] = field(default_factory=dict)
    #: Questions that were answered out of date.
    stale: set[AskKey] = field(default_factory=set)
    gaps: list[Gap] = field(default_factory=list)


def lookup(table: Iterable[Lookup], labels: Mapping[str, str]) -> dict[str, str]:
    """What the rows that match set; for each key the first row that sets it decides."""
    found: dict[str, str] = {}
    for row in table:
        if matchers.matches(row.matchers, labels):
            found = {**row.set, **found}
    return found


def enrich(
    table: Iterable[Lookup], steps: Sequence[Step], known: enrichers.Known,
    answers: Mapping[AskKey, Answer],
) -> Found:  # fmt: skip
    """All that is known of an alert: first the table, then the steps, each seeing those before.

    ``known`` is the alert as it was posted. Who has to be asked, and is not in ``answers``, is
    left out and noted, as is a step that raises.
    """
    found = Found(dict(known.labels))
    facts = lookup(table, known.labels)
    found.extra = {name: value for name, value in facts.items() if not name.startswith("_")}
    for step in steps:
        if matchers.matches(step.matchers, found.labels):
            _take(step, _ask(step, known, found, answers), found)
    if found.gaps:
        found.extra[GAPS] = "\n".join(map(_line, dict.fromkeys(found.gaps)))
    return found


def keep(found: Found, added: Mapping[str, str], extra: Mapping[str, str], again: bool) -> None:
    """While an answer is missing, let an alert have what it had: it is not to wander meanwhile.

    ``again``: the very same firing comes round once more, so what it had counts more than what
    the steps made of half of the facts.
    """
    if not found.gaps or all(gap.why == "stale" for gap in found.gaps):
        return
    had = facts(extra)
    found.added = {**found.added, **added} if again else {**added, **found.added}
    found.extra = {**found.extra, **had} if again else {**had, **found.extra}


def gaps(extra: Mapping[str, str]) -> list[Gap]:
    """What is missing among the facts of an alert, as `enrich` left it there."""
    found = []
    for line in extra.get(GAPS, "").splitlines():
        why, _, rest = line.partition(" ")
        if why == "stale":
            at, _, name = rest.partition(" ")
            found.append(Gap("stale", name, datetime.fromisoformat(at)))
        else:
            found.append(Gap("late" if why == "late" else "broken", rest))
    return found


def facts(extra: Mapping[str, str]) -> dict[str, str]:
    """The facts that are for people."""
    return {name: value for name, value in extra.items() if not name.startswith("_")}


def _ask(
    step: Step, known: enrichers.Known, found: Found, answers: Mapping[AskKey, Answer]
) -> enrichers.Given | None:
    seen = enrichers.Known(
        dict(found.labels), known.annotations, known.severity, known.source, dict(found.extra)
    )
    try:
        given = step.enricher(seen)
    except Exception:
        # Whatever is wrong with one step, the page goes out.
        found.gaps.append(Gap("broken", step.name))
        return None
    if isinstance(given, enrichers.Given):
        return given
    key = (step.digest, given.key)
    answer = answers.get(key)
    if answer is None:
        found.asks[key] = (step, given)
        found.gaps.append(Gap("late", step.name))
        return None
    if answer.stale is not None:
        found.asks[key] = (step, given)
        found.stale.add(key)
        found.gaps.append(Gap("stale", step.name, answer.stale))
    return answer.given


def _take(step: Step, given: enrichers.Given | None, found: Found) -> None:
    if given is None:
        return
    for name, value in given.labels.items():
        text = clean(value, MAX_LABEL)
        room = name in found.added or len(found.added) < MAX_NAMES
        if text and room and (step.overwrite or name not in found.labels):
            found.labels[name] = found.added[name] = text
    for name, value in given.facts.items():
        text = clean(value, MAX_FACT)
        room = name in found.extra or len(found.extra) < MAX_NAMES
        if text and room and (step.overwrite or name not in found.extra):
            found.extra[name] = text


def clean(value: str, most: int) -> str:
    """A value as the record can keep it: no NUL, no half of a character, not too long."""
    return value.replace("\0", "").encode("utf-8", "ignore").decode()[:most]


def _line(gap: Gap) -> str:
    at = f"{gap.at.isoformat()} " if gap.at else ""
    return f"{gap.why} {at}{gap.name}"
