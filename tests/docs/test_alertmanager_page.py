"""The page about Alertmanager names what shows each claim: scenarios and tests that there are."""

from __future__ import annotations

import re

from tests.differential import scenarios
from tests.docs import pages

PAGE = "docs/alertmanager.md"


def test_every_scenario_stands_on_the_page() -> None:
    assert {each.name for each in scenarios.SCENARIOS} <= set(pages.inline(PAGE))


def test_every_test_that_the_page_names_is_there() -> None:
    found = re.findall(r"`(tests/\w+/\w+\.py)` \(`(\w+)`\)", pages.text(PAGE))
    assert found
    for file, test in found:
        assert f"def {test}(" in pages.text(file), test
