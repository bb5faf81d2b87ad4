"""What a message says in an e-mail, in words of the reader's language, before it has a form.

All text from outside is made one line of visible characters here and is bounded; the forms (plain
text, HTML) only lay it out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from channels import _naming, _text
from schemas import message as messages
from tocsin import i18n

#: Alerts and labels that are shown; the rest is counted.
ALERTS = 20
LABELS = 12
TITLE = 150
_NAME, _VALUE, _TOLD, _WHY = 60, 160, 240, 400


Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Row:
    """One alert. ``tone`` is its severity, or `resolved`; ``differs`` what the others have not."""

    tone: str
    word: str
    name: str
    told: str
    when: str
    differs: Pairs
    url: str


@dataclass(frozen=True)
class View:
    """Everything an e-mail shows. ``tone`` chooses the colour, which never stands alone."""

    locale: str
    tone: str
    word: str
    title: str
    change: str
    facts: tuple[str, ...]
    why: str
    links: Pairs
    rows: tuple[Row, ...]
    more: str
    labels: Pairs
    notes: tuple[str, ...]
    footer: tuple[str, ...]
    words: Mapping[str, str]


def view(
    message: messages.Message, locale: str, notes: Sequence[str], alerts: int = ALERTS
) -> View:
    """``message`` for a reader; ``notes`` are further sentences, ``alerts`` how many to show."""
    shown = message.alerts[:alerts]
    left = message.truncated + len(message.alerts) - len(shown)
    state = message.state if message.state != "open" else None
    return View(
        # It names the language of the page, which is one.
        locale=locale.partition(",")[0],
        tone=state or message.severity,
        word=_word(message, state, locale),
        title=_text.plain(message.title, TITLE),
        change=_change(message, locale),
        facts=_code(message, locale) if message.code else _facts(message, locale),
        why=i18n.say("message.why", locale, why=_text.plain(message.why, _WHY)),
        links=_links(message, locale),
        rows=tuple(_row(alert, message, locale) for alert in shown),
        more=i18n.say("message.truncated", locale, n=left) if left else "",
        labels=_pairs(message.group_labels | message.common_labels, LABELS),
        notes=tuple(_text.plain(note, _WHY) for note in [*message.notes[:5], *notes]),
        footer=_footer(message, locale),
        words={
            "alerts": i18n.say("mail.alerts", locale),
            "labels": i18n.say("mail.labels", locale),
            "source": i18n.say("link.source", locale),
        },
    )


def _word(message: messages.Message, state: str | None, locale: str) -> str:
    if message.code:
        return i18n.say("person.test.word", locale)
    return i18n.say(f"mail.{state}" if state else f"severity.{message.severity}", locale)


def _code(message: messages.Message, locale: str) -> tuple[str, str]:
    """What a test page says in place of facts."""
    return i18n.say("person.test.code", locale, code=message.code), i18n.say(
        "person.test.lasts", locale
    )


def lasted(span: timedelta) -> str:
    """`2d 3h`, `1h 5m`, `12m`: the two largest units, from a minute up."""
    minutes = max(int(span.total_seconds()) // 60, 0)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    parts = [f"{n}{unit}" for n, unit in ((days, "d"), (hours, "h"), (minutes, "m")) if n]
    return " ".join(parts[:2])


def _change(message: messages.Message, locale: str) -> str:
    if message.code:
        return i18n.say("person.test.only", locale)
    partly = message.reason == "resolved" and not message.over
    return i18n.say("change.partly_resolved" if partly else f"change.{message.reason}", locale)


def _facts(message: messages.Message, locale: str) -> tuple[str, ...]:
    """Since when, how many, who has it, whose it is."""
    facts = [_since(message, locale), _naming.counts(message, locale)]
    if message.acknowledged_by:
        facts.append(_naming.holder(message, locale))
    if message.owner:
        owner = _text.plain(message.owner, _VALUE)
        facts.append(i18n.say("message.owner", locale, owner=owner))
    return tuple(facts)


def _since(message: messages.Message, locale: str) -> str:
    span = lasted(message.at - message.opened_at)
    opened, now = (_text.clock(each, message.zone) for each in (message.opened_at, message.at))
    values = {"when": opened, "until": now, "lasted": span}
    if message.over:
        return i18n.say("mail.over_lasted" if span else "mail.over", locale, **values)
    return i18n.say("mail.since_lasted" if span else "message.since", locale, **values)


def _links(message: messages.Message, locale: str) -> Pairs:
    source = message.alerts[0].generator_url if message.alerts else ""
    # The first is the big one.
    act = "" if message.over else message.act_url
    places = (("act", act), ("incident", message.url), ("runbook", message.runbook),
              ("source", source))  # fmt: skip
    safe = ((name, _text.web_address(url or "")) for name, url in places)
    return tuple((i18n.say(f"link.{name}", locale), url) for name, url in safe if url)


def _row(alert: messages.AlertView, message: messages.Message, locale: str) -> Row:
    common, zone = message.common_labels, message.zone
    name = _naming.of(alert.labels, common)
    told = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    over = alert.status == "resolved"
    known = {*common, "alertname", "severity"}
    began = _text.clock(alert.starts_at, zone)
    differs = {k: v for k, v in alert.labels.items() if k not in known and v != name}
    if over and alert.ends_at:
        until = _text.clock(alert.ends_at, zone)
        time = i18n.say("mail.over", locale, when=began, until=until)
    else:
        time = i18n.say("message.since", locale, when=began)
    return Row(
        tone="resolved" if over else alert.severity,
        word=i18n.say("mail.resolved" if over else f"severity.{alert.severity}", locale),
        name=_text.plain(name or alert.labels.get("alertname", alert.fingerprint), _NAME),
        told=_text.plain(told, _TOLD),
        when=time,
        differs=_pairs(differs, 6),
        url=_text.web_address(alert.generator_url) or "",
    )


def _pairs(labels: Mapping[str, str], most: int) -> Pairs:
    pairs = ((_text.plain(n, _NAME), _text.plain(v, _VALUE)) for n, v in labels.items())
    return tuple(pairs)[:most]


def _footer(message: messages.Message, locale: str) -> tuple[str, ...]:
    receiver, tenant = _text.plain(message.receiver, 100), _text.plain(message.tenant, 100)
    if message.code:
        return (i18n.say("person.test.sent", locale, tenant=tenant),)
    incident = _text.plain(message.incident_id, 50)
    return (
        i18n.say("mail.sent", locale, receiver=receiver, tenant=tenant),
        i18n.say("mail.incident", locale, id=incident),
    )
