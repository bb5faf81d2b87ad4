"""Data from outside made harmless for the eye: nothing that hides, moves or overwrites text."""

from __future__ import annotations

import re
import zoneinfo
from datetime import datetime
from urllib import parse

#: The escape sequences of terminals, whole, so that no "[31m" is left behind.
_ANSI = re.compile(r"\x1b(\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|[@-Z\\^_])")
#: Control characters, marks that turn the direction of writing or have no width, half characters.
_HIDDEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)
_SPACE = re.compile(r"\s+")


def plain(text: str, limit: int) -> str:
    """``text`` as one line of visible characters, at most ``limit`` of them.

    Zero-width joiners go too: a few emoji fall apart, but no two labels can look the same.
    """
    # A value may be a megabyte long: first cut roughly, so that the patterns have little to do.
    rough = text[: limit * 4 + 64]
    line = _SPACE.sub(" ", _HIDDEN.sub("", _ANSI.sub("", rough))).strip()
    cut = len(line) > limit or len(rough) < len(text)
    return line[: limit - 1].rstrip() + "…" if cut and limit > 0 else line


def clock(moment: datetime, zone: str, form: str = "%Y-%m-%d %H:%M") -> str:
    """A time as the clock of the reader shows it, with the name of the zone."""
    return moment.astimezone(zoneinfo.ZoneInfo(zone)).strftime(f"{form} %Z")


def web_address(url: str, limit: int = 1500) -> str | None:
    """``url`` with nothing in it that could end it early; None for all but plain web addresses.

    One with a user or a password in it is refused too: it shows one place and leads to another.
    """
    try:
        parts = parse.urlsplit(url)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.netloc or "@" in parts.netloc:
        return None
    if len(url) > limit:
        return None
    quoted = parse.quote(url, safe="%/:?#[]@!$&'()*+,;=~", errors="replace")
    return quoted if len(quoted) <= limit else None
