"""Figures that several reports have, each with the rows that it was counted from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from schemas.alert import SEVERITY_RANK
from schemas.report import Chart, Column, Figure, Point, RowKind, Table, Unit
from tocsin.domain import cadence, history, statistics

#: So many rows are kept behind a figure, and so many failures and breaches are listed.
ROWS, LISTED = 1000, 20
#: The hours of the night, in the zone of the person.
NIGHT_FROM, NIGHT_TO = 22, 7


def counted(key: str, rows: Iterable[str], kind: RowKind) -> Figure:
    """How many there are."""
    every = list(rows)
    return _figure(key, len(every), "count", every, kind)


def failed(facts: history.Facts) -> list[Figure]:
    """What we delivered not at all, and what late."""
    dead = [each.id for each in facts.failures if each.state == "dead"]
    late = [each.id for each in facts.failures if each.state != "dead"]
    return [counted("dead", dead, "deliveries"), counted("late", late, "deliveries")]


def failures(facts: history.Facts) -> Table:
    """The same, one by one; the newest first."""
    newest = facts.failures[::-1][:LISTED]
    return Table(
        key="failures",
        columns=[Column(key=key) for key in ("at", "title", "where", "state")]
        + [Column(key="took", unit="seconds"), Column(key="cause")],
        rows=[
            [_at(each.created_at), each.title, each.destination, each.state,
             _seconds(each.created_at, each.finished_at), each.cause]
            for each in newest
        ],
        kind="deliveries",
        links=[each.id for each in newest],
    )  # fmt: skip


def acknowledged(facts: history.Facts) -> list[Figure]:
    """How long it took until somebody had it: those that somebody had."""
    took = [(each.id, (each.acknowledged_at - each.opened_at).total_seconds())
            for each in facts.incidents if each.acknowledged_at is not None]  # fmt: skip
    return _times("mtta", took)


def resolved(facts: history.Facts) -> list[Figure]:
    """How long it took until it was over: those that are."""
    took = [(each.id, (each.resolved_at - each.opened_at).total_seconds())
            for each in facts.incidents if each.resolved_at is not None]  # fmt: skip
    return _times("mttr", took)


def acted(facts: history.Facts) -> Figure:
    """The share of incidents on which a person acted."""
    rows = [each.id for each in facts.incidents if each.acted]
    return _figure("acted", statistics.share(len(rows), len(facts.incidents)), "share", rows,
                   "incidents")  # fmt: skip


def missed(facts: history.Facts) -> Figure:
    """How many clocks of service levels ran out."""
    return counted("breaches", [each.incident for each in facts.breaches], "incidents")


def misses(facts: history.Facts) -> Table:
    """The same, one by one; the newest first."""
    newest = facts.breaches[::-1][:LISTED]
    return Table(
        key="breaches",
        columns=[Column(key=key) for key in ("at", "title", "level", "clock")],
        rows=[[_at(each.at), each.title, each.level, each.clock] for each in newest],
        kind="incidents",
        links=[each.incident for each in newest],
    )


def at_night(facts: history.Facts) -> list[history.Page]:
    """The pages that reached people between ten in the evening and seven, where they live."""
    return [each for each in facts.pages if _night(each, facts)]


def people(facts: history.Facts) -> Table:
    """Pages by person, those at night first."""
    night = Counter(each.person for each in at_night(facts))
    every = Counter(each.person for each in facts.pages)
    order = sorted(every, key=lambda name: (-night[name], -every[name], name))
    return Table(
        key="people",
        columns=[Column(key="person"), Column(key="night", unit="count"),
                 Column(key="pages", unit="count")],
        rows=[[name, night[name], every[name]] for name in order],
    )  # fmt: skip


def noise(facts: history.Facts, most: int) -> Table:
    """The alerts that fired most and never led to an act."""
    loud = [each for each in facts.alerts if not each.acted]
    loud.sort(key=lambda each: (-each.fired, each.name))
    return alerts("noise", loud[:most])


def alerts(key: str, listed: Sequence[history.Alerts]) -> Table:
    """Alerts by name: how often, and how long."""
    return Table(
        key=key,
        columns=[Column(key="alert"), Column(key="fired", unit="count"),
                 Column(key="ended", unit="count"), Column(key="lasted", unit="seconds"),
                 Column(key="mean", unit="seconds")],
        rows=[[each.name, each.fired, each.ended, each.median,
               each.seconds / each.ended if each.ended else None] for each in listed],
        kind="alerts",
        links=[each.name for each in listed],
    )  # fmt: skip


def volume(facts: history.Facts, period: cadence.Period) -> Chart:
    """Alerts that began to fire, by day; a day without any is a day with none."""
    points = [Point(label=day.isoformat(), value=facts.volume.get(day, 0))
              for day in cadence.days(period)]  # fmt: skip
    return Chart(key="volume", points=points)


def by_severity(facts: history.Facts) -> Chart:
    """Incidents by severity, the worst first."""
    found = Counter(each.severity for each in facts.incidents)
    worst = sorted(SEVERITY_RANK, key=SEVERITY_RANK.__getitem__, reverse=True)
    return Chart(key="severity", points=[Point(label=each, value=found[each]) for each in worst])


def _times(key: str, took: list[tuple[str, float]]) -> list[Figure]:
    values, rows = [seconds for _, seconds in took], [id for id, _ in took]
    found = {
        "p50": statistics.percentile(values, 50),
        "p90": statistics.percentile(values, 90),
        "mean": statistics.mean(values),
    }
    return [_figure(f"{key}_{name}", value, "seconds", rows, "incidents")
            for name, value in found.items()]  # fmt: skip


def _figure(key: str, value: float | None, unit: Unit, rows: list[str], kind: RowKind) -> Figure:
    kept = rows[:ROWS]
    return Figure(key=key, value=value, unit=unit, kind=kind, rows=kept, more=len(rows) - len(kept))


def _night(page: history.Page, facts: history.Facts) -> bool:
    hour = page.at.astimezone(ZoneInfo(facts.zones.get(page.person, "UTC"))).hour
    return hour >= NIGHT_FROM or hour < NIGHT_TO


def _seconds(start: datetime, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if end else None


def _at(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
