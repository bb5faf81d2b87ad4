"""What a message looks like in Slack: Block Kit within Slack's limits, and alert data only as data.

All text that comes from an alert stands in objects of type plain_text, which Slack shows as they
are; only links and dates, which are made here, are mrkdwn. Slack's limits are those of
https://docs.slack.dev/reference/block-kit/blocks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from channels import _naming, _slack_actions, _text
from schemas import message as messages
from tocsin import i18n

Block = dict[str, Any]

HEADER = 150
SECTION = 3000
FIELDS = 10
FIELD = 2000
ALERTS_SHOWN = 10
#: So many sections the words of a template may fill.
TEXT_SECTIONS = 6
_URL = 1500

#: Beside the words, never instead of them.
_ICONS = {"critical": "🔴", "error": "🟠", "warning": "🟡", "info": "🔵", "none": "⚪"}
_STATE_ICONS = {"acknowledged": "👀", "resolved": "✅"}


def escaped(text: str, limit: int) -> str:
    """``text`` on one line, with Slack's three entities, at most ``limit`` characters in all."""
    line = _text.plain(text, limit)
    while True:
        safe = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        if len(safe) <= limit:
            return safe
        # Each turn takes away at least what is too much at five characters an entity.
        line = line[: max(len(line) - 1 - (len(safe) - limit) // 5, 0)]


def headline(message: messages.Message, locale: str) -> str:
    """Icon, word and title in one line; also what a notification on a phone shows."""
    icon = _STATE_ICONS.get(message.state) or _ICONS[message.severity]
    title = _text.plain(message.title, HEADER)
    if message.code:
        return escaped(title, HEADER)
    severity = i18n.say(f"severity.{message.severity}", locale)
    words = i18n.say(f"headline.{message.state}", locale, severity=severity, title=title)
    return escaped(f"{icon} {words}", HEADER)


def blocks(
    message: messages.Message, locale: str, notes: tuple[str, ...] = (), *, buttons: bool = False
) -> list[Block]:
    """The parent message as it should look now; ``notes`` are sentences to put below."""
    made: list[Block] = [
        {"type": "header", "text": _object(headline(message, locale))},
        _section(*_facts(message, locale)),
    ]
    if message.group_labels:
        made.append({"type": "section", "fields": _labels(message)})
    if alerts := _alerts(message, locale):
        made.append(_section(*alerts))
    made.append({"type": "context", "elements": _context(message, locale)})
    notes = (*message.notes, *notes)
    made += [{"type": "context", "elements": [_plain(note, FIELD)]} for note in notes]
    # An address, unlike a label, is written as it is: no text ends early in it.
    act_url = _text.web_address(message.act_url, _URL) or ""
    if buttons and not message.over:
        made.append(_slack_actions.block(message, locale, act_url))
    elif act_url and not message.over:
        made.append(_slack_actions.link(act_url, locale))
    return made


def change(message: messages.Message, locale: str) -> str:
    """What is new, for the thread: one escaped line."""
    partly = message.reason == "resolved" and not message.over
    what = i18n.say("change.partly_resolved" if partly else f"change.{message.reason}", locale)
    return escaped(f"{what} {_naming.counts(message, locale)}.", SECTION)


def worded(blocks: list[Block], text: str) -> list[Block]:
    """The message with the words of a template where facts and alerts stood."""
    places = [at for at, block in enumerate(blocks) if block["type"] == "section"]
    if not places or not text:
        return blocks
    sections = [{"type": "section", "text": _mrkdwn(piece)} for piece in _pieces(text)]
    return [*blocks[: places[0]], *sections, *blocks[places[-1] + 1 :]]


def read_aloud(blocks: list[Block]) -> str:
    """The text of the sections, in which facts and alerts stand."""
    lines: list[str] = []
    for block in blocks:
        if block["type"] == "section":
            texts = [block["text"]] if "text" in block else block["fields"]
            lines += [text["text"] for text in texts]
    return "\n".join(lines)


def _pieces(text: str) -> list[str]:
    """A text in sections that Slack takes, cut between lines where there are any."""
    pieces: list[str] = []
    while text and len(pieces) < TEXT_SECTIONS:
        piece = text[:SECTION]
        if len(text) > SECTION:
            at = piece.rfind("\n")
            # No half a link, no half an entity.
            piece = piece[:at] if at > 0 else re.sub(r"(<[^<>]*|&\w{0,4})$", "", piece)
        piece = piece or text[:SECTION]
        pieces.append(piece)
        text = text[len(piece) :].lstrip("\n")
    return pieces


def _labels(message: messages.Message) -> list[Block]:
    pairs = list(message.group_labels.items())[:FIELDS]
    return [_plain(f"{_text.plain(n, 100)}: {_text.plain(v, FIELD)}", FIELD) for n, v in pairs]


def _facts(message: messages.Message, locale: str) -> list[str]:
    facts = [i18n.say("message.why", locale, why=_text.plain(message.why, 1000))]
    if not message.code:
        facts.append(_naming.counts(message, locale))
    if message.acknowledged_by:
        facts.append(_naming.holder(message, locale))
    if message.owner:
        owner = _text.plain(message.owner, 200)
        facts.append(i18n.say("message.owner", locale, owner=owner))
    return facts


def _alerts(message: messages.Message, locale: str) -> list[str]:
    shown = message.alerts[:ALERTS_SHOWN]
    common = message.common_labels if len(message.alerts) > 1 else {}
    lines = [f"• {_alert(alert, common, locale)}" for alert in shown]
    if left := message.truncated + len(message.alerts) - len(shown):
        lines.append(i18n.say("message.truncated", locale, n=left))
    return lines


def _alert(alert: messages.AlertView, common: Mapping[str, str], locale: str) -> str:
    name = _naming.of(alert.labels, common)
    told = alert.annotations.get("summary") or alert.annotations.get("description") or ""
    alone = alert.labels.get("alertname", alert.fingerprint)
    line = ": ".join(filter(None, (_text.plain(name, 80), _text.plain(told or alone, 150))))
    if alert.status == "resolved":
        return i18n.say("message.alert_resolved", locale, alert=line)
    return line


def _context(message: messages.Message, locale: str) -> list[Block]:
    # Slack shows a date in the reader's own time zone; the part after | is for those who cannot.
    shown = _text.clock(message.opened_at, message.zone)
    date = f"<!date^{int(message.opened_at.timestamp())}^{{date_short_pretty}} {{time}}|{shown}>"
    elements = [_mrkdwn(i18n.say("message.since", locale, when=date))]
    source = message.alerts[0].generator_url if message.alerts else ""
    links = (("incident", message.url), ("runbook", message.runbook), ("source", source))
    for name, url in links:
        if target := safe_url(url or ""):
            elements.append(_mrkdwn(f"<{target}|{i18n.say(f'link.{name}', locale)}>"))
    return elements


def safe_url(url: str) -> str | None:
    """A web address written so that it cannot end early within <...|...>; None for all else."""
    target = _text.web_address(url, _URL)
    return target.replace("&", "&amp;") if target else None


def _section(*lines: str) -> Block:
    text = ""
    for line in lines:
        safe = escaped(line, SECTION)
        if len(text) + len(safe) + 1 > SECTION:
            break
        text += f"{safe}\n"
    return {"type": "section", "text": _object(text.rstrip() or "-")}


def _plain(text: str, limit: int) -> Block:
    return _object(escaped(text, limit))


def _object(safe: str) -> Block:
    return {"type": "plain_text", "text": safe, "emoji": False}


def _mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text, "verbatim": True}
