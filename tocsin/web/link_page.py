"""What the page behind a link in a message shows: how it stands, and what its reader may press.

It stands alone: no scripts, nothing remote, nothing that a browser or a proxy may keep.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
from fastapi.responses import HTMLResponse, Response

from tocsin import i18n
from tocsin.domain.policy import Policy
from tocsin.i18n import forms
from tocsin.web import acting

_FOLDER = Path(__file__).parent / "templates"
_STYLE = (_FOLDER / "act.css").read_text(encoding="utf-8")
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    "Content-Security-Policy": f"default-src 'none'; style-src 'sha256-{_DIGEST}';"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cache-Control": "no-store, private",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_TITLE = 200
_TEMPLATE = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_FOLDER), autoescape=True, trim_blocks=True, lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
).get_template("act.html")  # fmt: skip


@dataclass(frozen=True)
class Seen:
    """All that the page depends on. `said` is what a press came to, a key of the catalogue."""

    policy: Policy
    person: str
    row: dict[str, Any]
    firing: int
    used: frozenset[str]
    until: datetime
    now: datetime
    undo: timedelta
    said: str = ""


@dataclass(frozen=True)
class Page:
    """What is shown; `buttons` are (value, label), the first is the big one."""

    locale: str
    title: str
    tone: str
    word: str
    lines: tuple[str, ...]
    facts: tuple[str, ...]
    buttons: tuple[tuple[str, str], ...]
    footer: str
    #: Where to go where nothing can be pressed, and what that is called.
    leads: tuple[str, str] | None = None


def undoable(row: dict[str, Any], person: str, now: datetime, within: timedelta) -> bool:
    """Whether the incident is acknowledged by this person, who may still take that back."""
    mine = row["state"] == "acknowledged" and row["acknowledged_by"] == person
    return bool(mine and not row["handed_by"] and now < row["acknowledged_at"] + within)


def page(seen: Seen) -> Page:
    """The page for its reader, in the language and on the clock of that person."""
    known = seen.policy.person(seen.person)
    locale = (known.locale if known else None) or seen.policy.locale
    row = seen.row
    lines = [_stands(seen, locale)]
    if seen.said:
        lines.insert(0, i18n.say(f"act.{seen.said}", locale))
    if row["state"] == "acknowledged" and row["reopens_at"] and not row["snoozed"]:
        lines.append(i18n.say("acts.reopens", locale, at=_clock(seen, row["reopens_at"])))
    severity = i18n.say(f"severity.{row['severity']}", locale)
    state = i18n.say(f"act.state.{row['state']}", locale)
    facts = [i18n.say("act.since", locale, at=_clock(seen, row["opened_at"]))]
    if row["state"] != "resolved":
        facts.append(i18n.say("act.alerts", locale, n=seen.firing))
    return Page(
        locale=locale.partition(",")[0],
        title=forms.visible(row["title"], _TITLE),
        tone=row["severity"] if row["state"] == "open" else row["state"],
        word=f"{severity} - {state}",
        lines=tuple(lines),
        facts=tuple(facts),
        buttons=tuple((act, i18n.say(f"act.{act}", locale)) for act in _offered(seen)),
        footer=i18n.say("act.only", locale, who=_name(seen, seen.person),
                        until=_clock(seen, seen.until)),
        leads=None if _offered(seen) else (
            f"/ui/incidents/{row['id']}", i18n.say("act.to_incident", locale)
        ),
    )  # fmt: skip


def render(shown: Page) -> Response:
    """The page as it is sent."""
    return HTMLResponse(_TEMPLATE.render(page=shown, style=_STYLE), headers=HEADERS)


def gone() -> Response:
    """The one answer for all links that do not work, whatever the reason."""
    shown = Page(
        locale="en", title=i18n.say("act.gone.title"), tone="none", word="Tocsin",
        lines=(i18n.say("act.gone.said"),), facts=(), buttons=(), footer="",
        leads=("/ui/login", i18n.say("act.to_sign_in")),
    )  # fmt: skip
    return HTMLResponse(_TEMPLATE.render(page=shown, style=_STYLE), 404, HEADERS)


def _stands(seen: Seen, locale: str) -> str:
    row = seen.row
    who = _name(seen, row["acknowledged_by"] or row["resolved_by"] or "")
    if row["state"] == "resolved":
        by = row["resolved_by"]
        said = i18n.say("act.over", locale, who=_name(seen, by)) if by else ""
        return said or i18n.say("act.over_itself", locale)
    if row["state"] == "open":
        return i18n.say("act.used" if "acknowledge" in seen.used else "act.ask", locale)
    if row["acknowledged_by"] == seen.person and row["handed_by"]:
        return i18n.say("act.handed", locale, by=_name(seen, row["handed_by"]))
    if row["snoozed"]:
        return i18n.say("act.snoozed", locale, who=who, until=_clock(seen, row["reopens_at"]))
    if row["acknowledged_by"] == seen.person:
        return i18n.say("act.yours", locale)
    return i18n.say("act.theirs", locale, who=who, at=_clock(seen, row["acknowledged_at"]))


def _offered(seen: Seen) -> list[str]:
    row = seen.row
    if row["state"] == "resolved":
        return []
    mine = row["acknowledged_by"] == seen.person
    offered = {
        "acknowledge": row["state"] == "open" or (mine and (row["handed_by"] or row["snoozed"])),
        "undo": undoable(row, seen.person, seen.now, seen.undo),
        "resolve": True,
    }
    return [act for act, possible in offered.items() if possible and act not in seen.used]


def _clock(seen: Seen, moment: datetime) -> str:
    """With the place whose clock it is: who travels must not have to guess."""
    said = acting.clock(moment, seen.now, seen.policy, seen.person)
    known = seen.policy.person(seen.person)
    return f"{said} ({known.zone})" if known and known.zone != "UTC" else said


def _name(seen: Seen, name: str) -> str:
    known = seen.policy.person(name)
    return (known.shown or known.name) if known else forms.visible(name, 100)
