"""53: addresses that a browser would run instead of opening."""

from __future__ import annotations

import re

from tests.hostile import scenes, words

BAD = (
    "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "file:///etc/passwd",
    "vbscript:x", " javascript:x", "java\tscript:x", "//evil.example", 'https://a" onclick="x',
)  # fmt: skip
POLICY = scenes.POLICY
CASES = [
    *(words.hook(words.of(labels={"alertname": "Link", "n": str(at)}, generatorURL=url), 200, 1)
      for at, url in enumerate(BAD)),
    words.hook(
        words.of(labels={"alertname": "Link"},
                 annotations={"runbook_url": BAD[0], "dashboard_url": BAD[2], "summary": BAD[0]}),
        200, 1,
    ),
    words.Case(words.GRAFANA, words.of(panelURL=BAD[0], imageURL=BAD[2]), 200, 1),
]  # fmt: skip
LINK = re.compile(
    r"""(?:href|src|action)\s*=\s*["']?\s*(?!https?:|mailto:|/|#|["'>\s])([^"'\s>]*)""", re.I
)


def after(scene: scenes.Scene) -> None:
    """None is a link anywhere: not in a page, not in a letter, not in a message."""
    for incident in scene.tenant.get("/incidents")["items"]:
        assert LINK.findall(scene.page(f"/ui/incidents/{incident['id']}")) == []
    for letter in scene.letters():
        page = letter.get_body(("html",))
        assert page is not None
        assert LINK.findall(page.get_content()) == []
    assert "<javascript:" not in scene.told()["slack"]
    stored = scene.tenant.rows("SELECT generator_url FROM alert")
    assert {each["generator_url"] for each in stored} == {""}
