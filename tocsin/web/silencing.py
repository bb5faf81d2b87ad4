"""What a silence would keep quiet, and whether the policy lets it: for all who make one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from schemas import api, parts
from schemas import silence as schema
from tocsin import errors, i18n
from tocsin.domain import breadth, matchers, suppression
from tocsin.storage import reach as stored
from tocsin.storage.record import Transaction
from tocsin.web import alerts, in_force

#: Moments outside are slips of the pen, and some cannot be stored.
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)

#: Where in the request the reason of an objection stands.
POINTERS: dict[breadth.Reason, str] = {"longest": "#/ends_at"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be kept quiet, from when to when."""

    matchers: tuple[matchers.Matcher, ...]
    starts_at: datetime
    ends_at: datetime

    @property
    def texts(self) -> list[str]:
        """The matchers in canonical spelling."""
        return [str(one) for one in self.matchers]


def conditions(texts: Sequence[str]) -> tuple[matchers.Matcher, ...]:
    """Raises Invalid, also for a set that would silence everything."""
    wanted = alerts.parse(texts, "#/matchers")
    if not wanted:
        raise errors.Invalid([("#/matchers", "name at least one label, such as severity=info")])
    if matchers.matches(wanted, {}):
        raise errors.Invalid(
            [("#/matchers", "these match an alert without any label, so they would silence"
              " everything: add one that names a value, such as severity=info")]
        )  # fmt: skip
    return wanted


def bounds(
    body: schema.Span, now: datetime, began: datetime | None = None
) -> tuple[datetime, datetime]:
    """From when to when; `began` is when it starts if the request does not say.

    Raises Invalid in words.
    """
    starts_at = body.starts_at or began or now
    _within("#/starts_at", starts_at)
    if (body.ends_at is None) == (body.duration is None):
        raise errors.Invalid([("#/ends_at", "give either ends_at or duration")])
    if body.ends_at is not None:
        pointer, ends_at = "#/ends_at", body.ends_at
    else:
        pointer = "#/duration"
        try:
            ends_at = starts_at + parts.parse_duration(body.duration)
        except ValueError as error:
            raise errors.Invalid([(pointer, str(error))]) from error
    _within(pointer, ends_at)
    if ends_at <= starts_at:
        raise errors.Invalid([(pointer, "the silence must end after it starts")])
    if ends_at <= now:
        raise errors.Invalid([(pointer, "the silence would be over already")])
    return starts_at, ends_at


def guard(tx: Transaction, tenant: int, wanted: Wanted, *, override: bool = False) -> bool:
    """Whether it goes beyond what the policy allows, which `override` lets it.

    Raises Invalid with the figures otherwise. That the caller may override is asked before.
    """
    policy = in_force.policy(tx, tenant)
    limits = policy.silences if policy else breadth.DEFAULT
    if limits.broadest is None and limits.critical:
        found = breadth.Reach(0, 0, 0, 0, 0, 0, ())
    else:
        found = _reach(tx, tenant, wanted, day=False)
    refused = objections(limits, wanted, found)
    if refused and not override:
        raise errors.Invalid(refused)
    return bool(refused)


def preview(tx: Transaction, tenant: int, wanted: Wanted) -> schema.Preview:
    """What it would do, what to think of, and what the guard has against it."""
    policy = in_force.policy(tx, tenant)
    found = _reach(tx, tenant, wanted, day=True)
    refused = objections(policy.silences if policy else breadth.DEFAULT, wanted, found)
    return schema.Preview(
        matchers=wanted.texts,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        firing=found.firing,
        in_all=found.in_all,
        share=round(found.share, 4),
        critical=found.critical,
        complete=found.whole,
        last_day=schema.Day(
            alerts=found.alerts, changes=found.changes, notifications=found.notifications
        ),
        samples=[_sample(each) for each in found.samples],
        warnings=_warnings(wanted, found),
        refused=[api.FieldProblem(pointer=at, detail=said) for at, said in refused],
    )


def objections(
    limits: breadth.Guard, wanted: Wanted, found: breadth.Reach
) -> list[tuple[str, str]]:
    """Each with the place in the request and what to do about it."""
    length = wanted.ends_at - wanted.starts_at
    return [
        (
            POINTERS.get(each.reason, "#/matchers"),
            i18n.say(
                f"silence.refused.{each.reason}",
                found=_words(each.found), allowed=_words(each.allowed),
            )
            + " " + i18n.say("silence.refused.or_an_admin"),
        )
        for each in breadth.objections(limits, wanted.matchers, length, found)
    ]  # fmt: skip


def _reach(tx: Transaction, tenant: int, wanted: Wanted, *, day: bool) -> breadth.Reach:
    equal = alerts.equalities(wanted.matchers)
    firing, all_fire = stored.firing(tx, tenant, equal)
    recent, all_changed = stored.recent(tx, tenant, equal, tx.now - DAY) if day else ([], True)
    silence = suppression.Silence("wanted", wanted.matchers, wanted.starts_at, wanted.ends_at)
    return breadth.reach(
        silence, firing, recent,
        in_all=stored.fire_in_all(tx, tenant), whole=all_fire and all_changed,
    )  # fmt: skip


def _warnings(wanted: Wanted, found: breadth.Reach) -> list[str]:
    said = []
    if found.critical:
        said.append(i18n.say("silence.warning.critical", n=found.critical))
    if found.firing > 1 and found.share > breadth.MUCH:
        said.append(i18n.say("silence.warning.much", percent=round(found.share * 100)))
    if not found.firing and not found.changes and found.whole:
        said.append(i18n.say("silence.warning.nothing"))
    if breadth.only_patterns(wanted.matchers):
        said.append(i18n.say("silence.warning.patterns"))
    if not found.whole:
        said.append(i18n.say("silence.warning.incomplete", n=stored.SCAN))
    return said


def _sample(alert: breadth.Alert) -> schema.Sample:
    return schema.Sample(
        fingerprint=alert.fingerprint,
        severity=alert.severity,
        labels=dict(alert.labels),
        starts_at=alert.starts_at,
    )


def _words(value: object) -> object:
    return parts.say_duration(value) if isinstance(value, timedelta) else value


def _within(pointer: str, moment: datetime) -> None:
    if not EARLIEST <= moment < LATEST:
        raise errors.Invalid([(pointer, "give a moment between the years 2000 and 2200")])
