"""What docs/sources.md and docs/policy.md say of senders is what the code does."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

import yaml

import channels
from ingest import routes
from schemas.mapping import CloudWatch, MappedSource
from tests.docs import pages
from tocsin.config import documents
from tocsin.config import mapping as config
from tocsin.domain import mapping, previewing

NOW = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
PAGE = "docs/sources.md"


def shown() -> dict[str, mapping.Source]:
    """The mappings that the page shows, each checked as a policy."""
    found: dict[str, mapping.Source] = {}
    for block in pages.blocks(PAGE, "yaml"):
        if re.match(r"(#.*\n)*sources:", block):
            text = f"route: {{}}\n{block}"
            documents.parse(text, channels.settings_models())
            found |= config.loaded(config.stored(text)).sources
    return found


def test_every_key_is_described() -> None:
    for head, model in (("source key", MappedSource), ("cloudwatch key", CloudWatch)):
        described = {row[0].strip("`") for row in pages.rows("docs/policy.md", head)}
        assert described == set(model.model_fields)


def test_every_word_for_a_state_that_is_described_is_known() -> None:
    (row,) = [
        row for row in pages.rows("docs/policy.md", "source key") if row[0].strip("`") == "status"
    ]
    words = [word.strip("`. ") for word in row[2].partition(":")[2].split("`")[1::2]]
    assert len(words) >= 8
    assert set(words) <= set(mapping.WORDS)


def test_the_mappings_on_the_page_work() -> None:
    (body,) = pages.blocks(PAGE, "json")
    sources = shown()
    assert set(sources) == {"kuma", "fleet"}
    found = previewing.preview(sources["kuma"], json.loads(body), NOW)
    (alert,) = found.alerts
    assert (alert.status, alert.severity, alert.labels["alertname"]) == (
        "firing", "critical", "Shop",
    )  # fmt: skip
    assert alert.annotations == {"summary": "timeout"}


def test_every_function_that_is_described_is_there() -> None:
    part = pages.text("docs/policy.md").partition("\n## `sources`\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(\w+)\(", part))
    assert {"choose", "concat", "part"} <= named
    assert named <= set(mapping.scope().functions)


def test_the_addresses_on_the_page_are_there() -> None:
    table = routes.table()
    for block in pages.blocks(PAGE, "yaml"):
        document: Any = yaml.safe_load(block)
        for point in document.get("contactPoints", []):
            url = point["receivers"][0]["settings"]["url"].removeprefix(
                "https://tocsin.example.com"
            )
            assert routes.find(table, url).name == "grafana"
    assert routes.find(table, "/i/toc_x/cloudwatch").name == "cloudwatch"
