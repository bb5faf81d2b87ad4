"""docs/templates.md names the parts, words and filters that there are, and its examples work."""

from __future__ import annotations

import re

import channels
from schemas import templates as written
from schemas.message import AlertView
from tests.docs import pages
from tocsin.config import documents
from tocsin.domain import template_syntax
from tocsin.i18n import trial

PAGE = "docs/templates.md"


def words(heading: str) -> set[str]:
    cells = [cell for row in pages.rows(PAGE, heading) for cell in row]
    return {word for cell in cells for code in re.findall(r"`([^`]+)`", cell)
            for word in re.findall(r"^\w+", code)}  # fmt: skip


def test_the_table_of_parts_is_whole() -> None:
    described = {tuple(cell.strip("`") for cell in row[:3]) for row in pages.rows(PAGE, "channel")}
    assert described == {
        (name, part, form)
        for name, channel in channels.REGISTRY.items()
        for part, form in channel.PARTS.items()
    }


def test_every_name_and_every_filter_is_described() -> None:
    assert written.NAMES | set(AlertView.model_fields) | {"say"} <= words("name")
    assert words("filter") >= template_syntax.FILTERS


def test_the_examples_work() -> None:
    [example] = pages.blocks(PAGE, "yaml")
    head = "route: {receiver: oncall}\nreceivers: [{name: oncall}]\n"
    trial.check(documents.parse(head + example, channels.settings_models()), channels.parts())
