"""Values made harmless for the form of the part in which they stand.

A value is always one line of visible characters, whatever the form: it cannot begin a line of its
own, turn the direction of writing, or move a cursor. What the template itself says is its author's.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib import parse

#: A value shows at most so many characters.
MAX_VALUE = 4000
_MAX_URL = 1500
_SPACE = re.compile(r"\s+")
_TERMINAL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


def visible(text: str, limit: int = MAX_VALUE) -> str:
    """``text`` as one line without anything that hides, moves or overwrites."""
    rough = _SPACE.sub(" ", _TERMINAL.sub("", text[: limit * 4 + 64]))
    line = "".join(char for char in rough if char.isprintable()).strip()
    cut = len(line) > limit or len(text) > limit * 4 + 64
    return line[: limit - 1].rstrip() + "…" if cut else line


def address(url: object) -> str:
    """A web address that can neither end early nor run as a script; empty for all else."""
    text = url if isinstance(url, str) else ""
    try:
        parts = parse.urlsplit(text)
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.netloc or len(text) > _MAX_URL:
        return ""
    return parse.quote(text, safe="%/:?#[]@!$&()*+,;=~", errors="replace")


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return visible(str(value))
    if isinstance(value, Mapping):
        return visible(", ".join(f"{name}={inner}" for name, inner in value.items()))
    if isinstance(value, list | tuple):
        return visible(", ".join(map(_said, value)))
    return ""


def _html(value: Any) -> str:
    return html.escape(_said(value), quote=True).replace("`", "&#96;").replace("=", "&#61;")


def _mrkdwn(value: Any) -> str:
    """Slack's three entities; a code span that the template began cannot be ended either."""
    text = _said(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("`", "'")


def _json(value: Any) -> str:
    """A whole JSON value. What goes to machines keeps its line breaks, which JSON can carry."""
    plain = value if isinstance(value, str | int | float | bool | list | tuple | dict) else None
    return json.dumps(plain, ensure_ascii=False, allow_nan=False)


#: By the name of a form: what a value becomes within a part of it.
VALUES: Mapping[str, Callable[[Any], str]] = {
    "line": _said,
    "text": _said,
    "html": _html,
    "mrkdwn": _mrkdwn,
    "json": _json,
}


def whole(form: str, text: str) -> str:
    """A part as it goes to its channel. Raises ValueError where it is not of its form."""
    if form == "line":
        return visible(text, len(text) + 1)
    if form == "json":
        try:
            json.loads(text)
        except ValueError as error:
            raise ValueError(f"what it makes is no JSON: {error}") from None
    return text.strip()
