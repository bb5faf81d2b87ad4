"""66: names that would become lines of a calendar, and lines that must be folded."""

from __future__ import annotations

import json

import icalendar

from tests.hostile import scenes, words

NAME = "Anna " + "\u00e4" * 50 + "\r\nATTACH:http://evil.example;X=1,2\n X"
POLICY = """
route: {receiver: ops}
receivers: [{name: ops}]
accounts: {webhook: {}}
people: [{name: anna, shown: NAME, webhook: "https://push.example.org/"}]
schedules: [{name: primary, layers: [{people: [anna]}]}]
""".replace("NAME", json.dumps(NAME))
CASES = [
    words.api("GET", "/oncall/primary/calendar.ics", 200),
]


def after(scene: scenes.Scene) -> None:
    """The name is a name: a calendar program finds nothing to attach, and no line is too long."""
    made = scene.get("/api/v1/oncall/primary/calendar.ics").content
    assert max(map(len, made.split(b"\r\n"))) <= 75
    read = icalendar.Calendar.from_ical(made)
    events = read.walk("VEVENT")
    assert events
    for event in events:
        assert "ATTACH" not in event
        assert "Anna \u00e4\u00e4" in str(event["SUMMARY"])
