"""Slack messages as a reader sees them, from what the fake Slack holds, for a terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from tocsin.demo.fakes import Fakes

CHANNELS = ("#oncall", "#payments", "#data", "#platform", "#storefront")
#: Lines of a list of alerts that are shown of each message, and of its thread.
_ALERTS = 3
_REPLIES = 2
#: What Slack shows before the title of an incident that is critical and that nobody has taken.
_CRITICAL = "🔴"
_MORE = re.compile(r"and (\d+) more$")
_DATE = re.compile(r"<!date\^(\d+)\^[^|>]*\|([^>]*)>")
_LINK = re.compile(r"<[^|>]+\|([^>]*)>")

Message = tuple[str, dict[str, Any]]


def latest(providers: Fakes) -> list[Message]:
    """The messages of all channels with their channel: what is critical now, then the newest."""
    found = [(name, message) for name in CHANNELS for message in providers.slack.messages(name)]
    return sorted(
        found, key=lambda each: (_CRITICAL in headline(each[1]), _touched(each[1])), reverse=True
    )


def headline(message: dict[str, Any]) -> str:
    """What a notification on a phone shows."""
    return _plain(str(message.get("text", "")))


def message(channel: str, given: dict[str, Any]) -> RenderableType:
    """One message with the end of its thread."""
    lines: list[Text] = []
    for block in given.get("blocks", ()):
        lines += _block(block)
    edits = f"  (edited {given['edits']}x)" if given["edits"] else ""
    head = Text.assemble((f"{channel}  ", "cyan"), lines[0], (edits, "dim"))
    head.no_wrap, head.overflow = True, "ellipsis"
    lines = [*lines[1:], *_thread(given.get("replies", []))]
    return Group(head, *(Padding(line, (0, 0, 0, 2)) for line in lines), Text(""))


def _block(block: dict[str, Any]) -> Iterator[Text]:
    if block["type"] == "header":
        yield Text(_plain(block["text"]["text"]), "bold")
    elif block["type"] == "context":
        said = [_plain(each["text"]) for each in block["elements"]]
        yield Text(" | ".join(said), "dim")
    elif "fields" in block:
        yield Text("  ".join(_plain(each["text"]) for each in block["fields"]), "dim")
    else:
        lines = _plain(block["text"]["text"]).split("\n")
        for line in _shortened(lines):
            yield Text(line)


def _shortened(lines: list[str]) -> list[str]:
    """A long list of alerts cut down to a few, the others added to the number of those left out."""
    spare = [line for line in lines if line.startswith("•")][_ALERTS:]
    kept = [line for line in lines if line not in spare]
    if not spare:
        return kept
    more = _MORE.search(kept[-1])
    left_out = len(spare) + (int(more[1]) if more else 0)
    return [*(kept[:-1] if more else kept), f"and {left_out} more"]


def _thread(replies: list[dict[str, Any]]) -> Iterator[Text]:
    if len(replies) > _REPLIES:
        yield Text(f"└ {len(replies)} replies, the last:", "dim")
    for reply in replies[-_REPLIES:]:
        yield Text(f"└ {_plain(reply['text'])}", "green")


def _plain(text: str) -> str:
    """Without Slack's marks: dates as hours and minutes, links as their words."""
    text = _DATE.sub(lambda found: found[2][11:16], text)
    return html.unescape(_LINK.sub(r"[\1]", text))


def _touched(given: dict[str, Any]) -> float:
    return max(float(each["ts"]) for each in (given, *given.get("replies", ())))
