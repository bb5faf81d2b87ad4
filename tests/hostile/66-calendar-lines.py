"""66: the name of a schedule that would become lines of a calendar, or be cut where it folds."""

from __future__ import annotations

import json
from urllib import parse

import icalendar

from tests.hostile import scenes, words

NAME = "\u00e4" * 50 + r"\nATTACH:http;X=1,2"
POLICY = """
route: {receiver: ops}
receivers: [{name: ops}]
accounts: {webhook: {}}
people: [{name: anna, webhook: "https://push.example.org/"}]
schedules: [{name: NAME, layers: [{people: [anna]}]}]
""".replace("NAME", json.dumps(NAME))
EXPORT = f"/oncall/{parse.quote(NAME)}/calendar.ics"
CASES = [
    words.refused(POLICY.replace(json.dumps(NAME), json.dumps("a\r\nATTACH:x"))),
    words.api("GET", EXPORT, 200),
]


def after(scene: scenes.Scene) -> None:
    """The name is a name: a calendar program finds nothing to attach, and no line is too long."""
    made = scene.get(words.API + EXPORT).content
    assert max(map(len, made.split(b"\r\n"))) <= 75
    read = icalendar.Calendar.from_ical(made)
    events = read.walk("VEVENT")
    assert events
    for event in events:
        assert "ATTACH" not in event
        assert NAME.replace(r"\n", "") in str(event["DESCRIPTION"]).replace(r"\n", "")
