"""Making a report: read the facts, let the plug-in think, write it as page, sheet and figures."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import zstandard

from scheduler import reports
from scheduler.reports import _page, _sheet, _words
from schemas import report
from tocsin import errors, i18n, ids
from tocsin.domain import cadence
from tocsin.domain.cadence import Period
from tocsin.domain.policy import Policy
from tocsin.storage import facts_of_reports
from tocsin.storage import reports as stored
from tocsin.storage.record import Transaction


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be made for whom; `schedule` None: somebody asked for it."""

    tenant: int
    slug: str
    kind: str
    period: Period
    policy: Policy | None
    version: int | None
    public_url: str
    schedule: str | None = None
    locale: str | None = None

    @property
    def language(self) -> str:
        usual = self.policy.locale if self.policy else i18n.FALLBACK
        return f"{self.locale},{usual}" if self.locale and self.locale != usual else usual


def make(tx: Transaction, order: Order) -> uuid.UUID | None:
    """Make and keep a report; None where the series has one of this time already.

    Raises NotFound for a kind that there is not.
    """
    kind = reports.registry().get(order.kind)
    if kind is None:
        raise errors.NotFound(
            f"there is no report {order.kind!r}; there are {', '.join(reports.registry())}"
        )
    people = order.policy.people if order.policy else ()
    zones = {person.name: person.zone for person in people}
    facts = facts_of_reports.read(tx, order.tenant, order.period, zones)
    content = kind.build(facts, order.period)
    id = ids.new(tx.now)
    head = header(tx, order, id)
    made = stored.insert(tx, {
        "tenant": order.tenant, "id": id, "kind": order.kind, "schedule": order.schedule,
        "starts_at": order.period.starts_at, "ends_at": order.period.ends_at,
        "zone": order.period.zone, "locale": order.language, "policy_version": order.version,
        "content": _packed(content.model_dump_json()), "html": _packed(_page.html(content, head)),
        "csv": _packed(_sheet.csv_of(content, order.language)),
    })  # fmt: skip
    return id if made else None


def header(
    tx: Transaction, order: Order, id: uuid.UUID, made: datetime | None = None
) -> _page.Head:  # fmt: skip
    """What stands above and below the report; `made` is when it was made, if not now."""
    locale, period = order.language, order.period
    base = f"{order.public_url.rstrip('/')}/api/v1/analytics/reports/{id}"
    at = _words.moment(made or tx.now, period.zone)
    about = i18n.say("report.made", locale, at=at, version=order.version or 0)
    why = (
        i18n.say("report.why", locale, tenant=order.slug, schedule=order.schedule)
        if order.schedule
        else i18n.say("report.asked", locale)
    )
    return _page.Head(
        title=title(order.kind, locale),
        period=_said(locale, period),
        notes=(about, why, i18n.say("report.whole", locale, url=f"{base}.html")),
        base=base,
        public_url=order.public_url.rstrip("/"),
        locale=locale,
    )


def title(kind: str, locale: str = i18n.FALLBACK) -> str:
    """How people call a report of this kind."""
    return i18n.say(f"report.title_{kind}", locale)


def subject(kind: str, slug: str, period: Period, locale: str) -> str:
    """The subject of the letter that brings it."""
    return i18n.say(
        "report.subject", locale, title=title(kind, locale), tenant=slug,
        **{"from": _day(period, first=True), "until": _day(period, first=False)},
    )  # fmt: skip


def letter(content: report.Content, head: _page.Head) -> str:
    """The report as plain text."""
    return _page.text(content, head)


def figures(content: report.Content, locale: str = i18n.FALLBACK) -> list[tuple[str, str, str]]:
    """Each figure in words: what it is, its value, and the key by which its rows are asked for."""
    return [
        (i18n.say(f"report.figure_{each.key}", locale),
         _words.value(each.value, each.unit, locale), each.key)
        for each in content.figures
    ]  # fmt: skip


def tables(
    content: report.Content, locale: str = i18n.FALLBACK
) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Each table in words that has rows: its name, its columns, its cells."""
    for table in (content.failures, *content.tables):
        if table.rows:
            named = [i18n.say(f"report.column_{each.key}", locale) for each in table.columns]
            units = [each.unit for each in table.columns]
            cells = [
                [_words.value(cell, unit, locale) for cell, unit in zip(row, units, strict=True)]
                for row in table.rows
            ]
            yield i18n.say(f"report.table_{table.key}", locale), named, cells


def unpacked(packed: bytes) -> str:
    """A column of a kept report."""
    return zstandard.ZstdDecompressor().decompress(packed).decode()


def content(packed: bytes) -> report.Content:
    return report.Content.model_validate_json(unpacked(packed))


def _packed(text: str) -> bytes:
    return zstandard.ZstdCompressor(level=6).compress(text.encode())


def _said(locale: str, period: Period) -> str:
    return i18n.say(
        "report.period", locale, zone=period.zone,
        **{"from": _words.moment(period.starts_at, period.zone),
           "until": _words.moment(period.ends_at, period.zone)},
    )  # fmt: skip


def _day(period: Period, *, first: bool) -> str:
    """Both days belong to it."""
    found = cadence.days(period)
    return (found[0] if first else found[-1]).isoformat()
