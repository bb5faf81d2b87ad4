"""62: text that is a statement, a pattern, a query of another database."""

from __future__ import annotations

import json
from urllib import parse

from tests.hostile import scenes, words

TEXTS = (
    "' OR 1=1--",
    "'; DROP TABLE alert;--",
    "%_\\",
    "$where",
    "%(tenant)s",
    "{tenant}",
    "\\'",
    "$1",
)
CASES = [
    *(words.hook(words.of(labels={"alertname": text, "x": text}), 200, 1) for text in TEXTS),
    *(words.Case(
        f"{words.API}/alerts?{parse.urlencode({'filter': f'x={json.dumps(text)}'})}", b"", 200,
        method="GET") for text in TEXTS),
    *(words.Case(f"{words.API}/{noun}/{parse.quote(TEXTS[0], safe='')}", b"", 404, method="GET")
      for noun in ("alerts", "incidents", "deliveries", "silences", "maintenance", "people")),
    *(words.Case(f"{words.API}/{path}={parse.quote(TEXTS[0])}", b"", status, method="GET")
      for path, status in (
          ("incidents?state", 422), ("alerts?severity", 422), ("alerts?status", 422),
          ("oncall?schedule", 404), ("analytics/reports?kind", frozenset((200, 422))))),
    words.Case("/webhooks/mapped/" + parse.quote(TEXTS[0], safe=""), b"{}", 404),
]  # fmt: skip


def after(scene: scenes.Scene) -> None:
    """Each is found by itself and finds nothing else, neither here nor on the pages."""
    for text in TEXTS:
        found = scene.tenant.get("/alerts", filter=f"x={json.dumps(text)}")["items"]
        assert [each["labels"]["x"] for each in found] == [text]
    assert "DROP TABLE" in scene.page("/ui/incidents?q=" + parse.quote(TEXTS[1]))
    assert "DROP TABLE" not in scene.page("/ui/incidents?q=%25_").partition("<main")[2]
