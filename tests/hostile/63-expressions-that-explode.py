"""63: (a+)+$ over 28 letters: six seconds in a reader that goes back."""

from __future__ import annotations

import json
from urllib import parse

from tests.hostile import scenes, words

PATTERNS = ("(a+)+$", "(a|a)*$", "(a|aa)+$", "(.*a){12}$", "^(([a-z])+.)+[A-Z]([a-z])+$")
POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  routes: [ROUTES]
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
rules:
  - {name: slow, when: 'labels.host matches "(a+)+$"', then: {labels: {slow: "yes"}}}
""".replace(
    "ROUTES",
    ", ".join(f"{{receiver: ops, matchers: ['host=~{json.dumps(each)}']}}" for each in PATTERNS),
)
HOST = "a" * 4000 + "!"
CASES = [
    words.hook(words.of(labels={"alertname": "Slow", "host": HOST}), 200, 1),
    *(words.Case(
        f"{words.API}/alerts?{parse.urlencode({'filter': f'host=~{json.dumps(each)}'})}", b"", 200,
        method="GET") for each in PATTERNS),
    *(words.api("POST", "/silences/preview", frozenset((200, 422)), {
        "matchers": [f"host=~{json.dumps(each)}"], "duration": "1h", "comment": "c"})
      for each in PATTERNS),
    words.api("POST", "/silences/preview", 422, {
        "matchers": ['a=~"(?=x)"'], "duration": "1h", "comment": "no looking ahead in RE2"}),
]  # fmt: skip


def after(scene: scenes.Scene) -> None:
    """The page went out."""
    assert len(scene.tenant.hooks()) == 1
