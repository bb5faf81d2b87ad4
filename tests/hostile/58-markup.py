"""58: HTML, SVG, Markdown: a page or a letter that runs somebody else's script."""

from __future__ import annotations

from tests.hostile import scenes, words

TEXT = "<img src=x onerror=alert(1)></script><svg/onload=alert(2)>[x](javascript:y)\"'><b>"
POLICY = scenes.POLICY
CASES = [words.hook(words.literal(TEXT), 200, 1)]


def after(scene: scenes.Scene) -> None:
    """It is shown, and is no markup: in letters, on the pages, in the report."""
    [letter] = scene.letters()[:1]
    page = letter.get_body(("html",))
    assert page is not None
    about = scene.incident()["id"]
    made = scene.tenant.call("POST", "/api/v1/analytics/reports", json={"kind": "daily"})
    report = scene.get(f"/api/v1/analytics/reports/{made.json()['id']}?as=html", Accept="text/html")
    shown = [page.get_content(), scene.page("/ui/now"), scene.page(f"/ui/incidents/{about}")]
    for text in (*shown, scene.page("/ui/incidents"), scene.page("/ui/deliveries"), report.text):
        for bad in ("<img src=x", "<svg/onload", "</script><svg"):
            assert bad not in text or text.startswith("{"), text[:200]
    for text in shown:
        assert "&lt;img src=x onerror" in text
