"""Foreign JSON becomes alerts: an expression for each field, told alert by alert what is wrong.

The ingest and the preview both read with `read`, so what the preview shows is what will happen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from schemas.alert import SEVERITY_RANK, Status
from schemas.mapping import MappedSource
from tocsin import errors, plugins
from tocsin.domain import expressions, fingerprint, moments
from tocsin.domain.expressions import values

MAX_ALERTS = 10_000
#: Under this key lies an alert that was refused and is tried again, with what stood around it.
REPLAY = "tocsin_replay"
#: So deep the list of alerts is looked for, to leave it out of what is kept around one of them.
_AROUND_DEPTH = 8

_FIRING = "firing alerting alert alarm down critical error triggered open problem failed failing"
_RESOLVED = "resolved ok up recovered normal success closed healthy cleared"
WORDS: dict[str, Status] = {
    **dict.fromkeys(_FIRING.split(), "firing"),
    **dict.fromkeys(_RESOLVED.split(), "resolved"),
}
_SEVERITIES = {float(rank): name for name, rank in SEVERITY_RANK.items()}


class Unmapped(ValueError):
    """A field of one alert that cannot be made: which, and why."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where, self.reason = where, reason


class Subject(NamedTuple):
    """What expressions read: the whole document, and the alert in it."""

    body: Any
    alert: Any


@dataclass(frozen=True, slots=True)
class Source:
    """A mapping, ready to run; `fields` are the expressions for single fields by their names."""

    name: str
    fields: Mapping[str, expressions.Expression]
    labels: Mapping[str, expressions.Expression] = field(default_factory=dict)
    annotations: Mapping[str, expressions.Expression] = field(default_factory=dict)
    resolve_after: timedelta | None = None


class Made(NamedTuple):
    """An alert as the mapping makes it, before lengths are judged."""

    position: int
    labels: dict[str, str]
    annotations: dict[str, str]
    status: Status
    starts_at: datetime | None
    ends_at: datetime | None
    generator_url: str

    @property
    def fingerprint(self) -> str:
        return fingerprint.fingerprint(self.labels)


class Refused(NamedTuple):
    """An alert that cannot be made, and why."""

    position: int
    field: str
    reason: str
    alert: Any


class Reading(NamedTuple):
    """What a document held: alerts, those that were refused, and how many `when` left out.

    `around` is the document without its list of alerts. `whole` says that no list was found, so
    that what was refused is all of the document.
    """

    alerts: list[Made]
    refused: list[Refused]
    skipped: int = 0
    around: Any = None
    whole: bool = False


@cache
def scope() -> expressions.Scope:
    """What may stand in a mapping: the document, the alert, and all functions without memory."""
    found = plugins.load("tocsin.domain.functions", ("TAKES", "GIVES", "call"))
    return expressions.Scope(
        names={
            "body": expressions.Name("json", lambda subject: subject.body),
            "alert": expressions.Name("json", lambda subject: subject.alert),
        },
        functions={name: each for name, each in found.items() if not hasattr(each, "WINDOW")},
    )


#: The fields that are one expression each; all but `when` may give any value.
SINGLE = (
    "alerts", "when", "alertname", "severity", "status", "starts_at", "ends_at", "generator_url",
)  # fmt: skip


def expression(where: str, text: str) -> expressions.Expression:
    """Raises ValueError that says the column and what was expected."""
    return expressions.parse(text, scope(), "boolean" if where == "when" else "any")


def compiled(written: MappedSource) -> Source:
    """Raises ValueError for an expression that is not valid."""
    given = {name: getattr(written, name) for name in SINGLE}
    labels, annotations = (
        {name: expression(group, text) for name, text in getattr(written, group).items()}
        for group in ("labels", "annotations")
    )
    return Source(
        name=written.name,
        fields={name: expression(name, text) for name, text in given.items() if text is not None},
        labels=labels,
        annotations=annotations,
        resolve_after=written.resolve_after,
    )  # fmt: skip


def read(source: Source, document: Any, now: datetime) -> Reading:
    """All alerts of a document. Raises errors.TooLarge for more than MAX_ALERTS."""
    alerts: list[Made] = []
    refused: list[Refused] = []
    skipped = 0
    try:
        body, items, around = _opened(source, document)
    except Unmapped as bad:
        return Reading([], [Refused(0, bad.where, bad.reason, document)], whole=True)
    if len(items) > MAX_ALERTS:
        raise errors.TooLarge(f"more than {MAX_ALERTS} alerts in one request; send fewer")
    for index, item in enumerate(items):
        subject = Subject(body, item)
        try:
            if "when" in source.fields and not source.fields["when"].run(subject):
                skipped += 1
                continue
            alerts.append(_one(source, subject, index, now))
        except Unmapped as bad:
            refused.append(Refused(index, bad.where, bad.reason, item))
    return Reading(alerts, refused, skipped, around)


def again(alert: Any, around: Any) -> dict[str, Any]:
    """A document with this one alert, for another try."""
    return {REPLAY: {"alert": alert, "body": around}}


def _opened(source: Source, document: Any) -> tuple[Any, list[Any], Any]:
    """The document, its alerts, and what to keep of it beside an alert that is refused."""
    if isinstance(document, dict) and set(document) == {REPLAY}:
        held = document[REPLAY]
        if isinstance(held, dict) and set(held) == {"alert", "body"}:
            body = held["alert"] if held["body"] is None else held["body"]
            return body, [held["alert"]], held["body"]
    if "alerts" not in source.fields:
        return document, [document], None
    found = source.fields["alerts"].run(Subject(document, document))
    if not isinstance(found, list):
        said = "is not there" if found is None else "is not a list"
        raise Unmapped("alerts", f"`{source.fields['alerts'].text[:100]}` {said} in this document")
    return document, found, _without(document, found, _AROUND_DEPTH)


def _without(body: Any, items: list[Any], depth: int) -> Any:
    """The document without the list of alerts; None where it is that list."""
    if body is items:
        return None
    if not isinstance(body, dict) or depth == 0:
        return body
    return {
        key: [] if each is items else _without(each, items, depth - 1) for key, each in body.items()
    }


def _one(source: Source, subject: Subject, index: int, now: datetime) -> Made:
    labels = dict(_texts(source.labels, "labels", subject))
    labels["alertname"] = _text(source, "alertname", subject)
    if not labels["alertname"]:
        raise Unmapped("alertname", f"`{source.fields['alertname'].text[:100]}` gives nothing")
    if severity := _text(source, "severity", subject):
        labels["severity"] = severity
    starts, ends = (_moment(source, name, subject) for name in ("starts_at", "ends_at"))
    status = _status(source, subject, ends, now)
    if status == "firing" and ends is None and source.resolve_after:
        ends = now + source.resolve_after
    return Made(
        index, labels, dict(_texts(source.annotations, "annotations", subject)), status,
        starts, ends, _text(source, "generator_url", subject),
    )  # fmt: skip


def _texts(
    wanted: Mapping[str, expressions.Expression], what: str, subject: Subject
) -> Iterator[tuple[str, str]]:
    for name, each in wanted.items():
        if said := _said(each, f"{what}.{name}", subject):
            yield name, said


def _text(source: Source, name: str, subject: Subject) -> str:
    found = source.fields.get(name)
    return "" if found is None else _said(found, name, subject)


def _said(wanted: expressions.Expression, where: str, subject: Subject) -> str:
    """The value as text, "" where there is none."""
    value = wanted.run(subject)
    if wanted.kind == "severity" and value is not None:
        return _SEVERITIES.get(value, "")
    said = values.text(value)
    if said is None:
        kind = "an object" if isinstance(value, dict) else "a list"
        raise Unmapped(where, f"`{wanted.text[:100]}` is {kind}: take one value out of it")
    if "\0" in said:
        raise Unmapped(where, "must not contain the character U+0000")
    try:
        said.encode()
    except UnicodeEncodeError:
        raise Unmapped(where, "is not valid Unicode") from None
    return said


def _moment(source: Source, name: str, subject: Subject) -> datetime | None:
    if name not in source.fields:
        return None
    try:
        return moments.read(source.fields[name].run(subject))
    except ValueError as error:
        raise Unmapped(name, str(error)) from None


def _status(source: Source, subject: Subject, ends: datetime | None, now: datetime) -> Status:
    if "status" not in source.fields:
        return "resolved" if ends and ends <= now else "firing"
    value = source.fields["status"].run(subject)
    if isinstance(value, bool):
        return "firing" if value else "resolved"
    found = WORDS.get(value.strip().lower()) if isinstance(value, str) else None
    if found is None:
        shown = value[:40] if isinstance(value, str) and value.isprintable() else "its value"
        text = source.fields["status"].text[:100]
        raise Unmapped("status", f"`{text}` ({shown}) says neither firing nor resolved")
    return found
