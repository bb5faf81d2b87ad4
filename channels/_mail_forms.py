"""The two forms of a letter: plain text, and HTML that is read on a phone at night."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import jinja2
import markupsafe

import channels
from channels import _mail_view, _text
from schemas import message as messages

#: Longer letters are cut by some mail programs, and take long where the net is slow.
HTML_BYTES = 50_000
_TEMPLATE = Path(__file__).with_name("_mail.html.j2")
_WIDTH = 76

#: Tone -> its colour, under white letters. All have a contrast of 4.5 at least.
COLOURS = {
    "critical": "#c4241b",
    "error": "#b34700",
    "warning": "#8a5d00",
    "info": "#1c62b0",
    "none": "#5a6472",
    "acknowledged": "#6a45b8",
    "resolved": "#1b7a43",
}
#: The same for letters and edges on a dark ground.
BRIGHT = {
    "critical": "#ff8b82",
    "error": "#ffa866",
    "warning": "#f5c451",
    "info": "#82b7ff",
    "none": "#aab4c2",
    "acknowledged": "#c3a8ff",
    "resolved": "#6fd69a",
}


def bodies(message: messages.Message, call: channels.Call, notes: Sequence[str]) -> tuple[str, str]:
    """Text and HTML. A part that the tenant's templates wrote stands where ours would stand."""
    if call.whole:
        return call.texts["text"], call.texts["html"]
    view = _mail_view.view(message, call.locale, notes)
    return _text_body(view, call.texts.get("text")), _html_body(message, call, notes)


def own_words(message: messages.Message, locale: str) -> dict[str, str]:
    """Text and HTML as they are without a template."""
    view = _mail_view.view(message, locale, ())
    return {"text": _text_body(view), "html": html(view)}


def _html_body(message: messages.Message, call: channels.Call, notes: Sequence[str]) -> str:
    """As many alerts as fit: a mail program that cuts a letter would cut off its footer."""
    made = ""
    for alerts in (_mail_view.ALERTS, 10, 5, 2, 0):
        view = _mail_view.view(message, call.locale, notes, alerts)
        made = html(view, call.texts.get("html"))
        if len(made.encode()) <= HTML_BYTES:
            break
    return made


def html(view: _mail_view.View, written: str | None = None) -> str:
    """``written`` is HTML in which a template of the tenant has made all values harmless."""
    content = markupsafe.Markup(written) if written else None
    return _template().render(view=view, colours=COLOURS, bright=BRIGHT, written=content)


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


def _text_body(view: _mail_view.View, written: str | None = None) -> str:
    parts = [_visible(written)] if written else _told(view)
    if view.notes:
        parts.append("\n".join(view.notes))
    # Two hyphens and a space: mail programs know by it where the footer begins.
    parts.append("\n".join(["-- ", *view.footer]))
    return "\n\n".join(parts) + "\n"


def _visible(written: str) -> str:
    """The lines of a template, each without characters that hide or turn."""
    return "\n".join(_text.plain(line, 2000) for line in written[:50_000].splitlines())


def _told(view: _mail_view.View) -> list[str]:
    """What, since when and how many, why you, links; then the details."""
    head = f"{view.word.upper()}: {view.title}"
    parts = ["\n".join([head, view.change, *view.facts, view.why])]
    if view.links:
        parts.append("\n".join(f"{name}: {url}" for name, url in view.links))
    if view.rows:
        rows = [_row(row) for row in view.rows]
        parts.append("\n".join([_heading(view.words["alerts"]), *rows, *filter(None, [view.more])]))
    if view.labels:
        labels = [f"  {name}: {value}" for name, value in view.labels]
        parts.append("\n".join([_heading(view.words["labels"]), *labels]))
    return parts


def _heading(word: str) -> str:
    return f"{word}\n{'-' * min(len(word), _WIDTH)}"


def _row(row: _mail_view.Row) -> str:
    told = f"{row.name}: {row.told}" if row.told else row.name
    lines = [f"* [{row.word}] {told}", f"  {row.when}"]
    if row.differs:
        lines.append("  " + ", ".join(f"{name}={value}" for name, value in row.differs))
    return "\n".join(lines)
