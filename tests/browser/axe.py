"""What axe has against a page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

SCRIPT = Path(__file__).parent / "axe.min.js"
RULES = ["wcag2a", "wcag2aa", "wcag21aa"]


def serious(page: Page, *, only_colours: bool = False) -> list[Any]:
    """The rules that the page breaks, and where; only serious and critical findings."""
    rules = ["color-contrast"] if only_colours else RULES
    # As a debugger would, past the policy of content, which keeps such things out.
    page.evaluate(SCRIPT.read_text(encoding="utf-8") + "; undefined")
    found = page.evaluate("(rules) => axe.run(document, {runOnly: rules})", rules)
    assert found["passes"], "axe looked at nothing"
    return [
        (one["id"], [node["html"][:200] for node in one["nodes"]])
        for one in found["violations"]
        if one["impact"] in ("serious", "critical")
    ]
