"""Every sentence that the code asks for is in every catalogue, with the same values."""

from __future__ import annotations

import ast
import functools
import re
import string
from pathlib import Path

import pytest

from tocsin import i18n

ROOT = Path(__file__).parents[2]
LOCALES = sorted({path.name.split(".")[0] for path in Path(i18n.__file__).parent.glob("*.yml")})
PACKAGES = ("actors", "channels", "ingest", "scheduler", "tocsin", "workers")


@functools.cache
def _asked() -> list[tuple[str, str]]:
    """(file:line, pattern of the key) of each call of ``say``."""
    found = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(text)) if "i18n.say" in text else ():
                if isinstance(node, ast.Call) and node.args and _is_say(node.func):
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    found += [(place, pattern) for pattern in _patterns(node.args[0])]
    return found


def _is_say(function: ast.expr) -> bool:
    return isinstance(function, ast.Attribute) and ast.unparse(function) == "i18n.say"


def _patterns(key: ast.expr) -> list[str]:
    if isinstance(key, ast.Constant) and isinstance(key.value, str):
        return [re.escape(key.value)]
    if isinstance(key, ast.JoinedStr):
        parts = (
            re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+"
            for part in key.values
        )
        return ["".join(parts)]
    if isinstance(key, ast.IfExp):
        return [*_patterns(key.body), *_patterns(key.orelse)]
    return [r"(?!)"]


@pytest.mark.parametrize(("place", "pattern"), _asked())
def test_a_sentence_is_there(place: str, pattern: str) -> None:
    wanted = re.compile(rf"{pattern}(\.one|\.other)?")
    assert any(map(wanted.fullmatch, i18n.catalogue("en"))), f"{place} asks for {pattern}"


def test_say_is_asked_for_something() -> None:
    assert len(_asked()) > 10


@pytest.mark.parametrize("locale", LOCALES)
def test_a_language_is_whole(locale: str) -> None:
    ours, english = i18n.catalogue(locale), i18n.catalogue("en")
    assert ours.keys() == english.keys()
    for key, sentence in ours.items():
        template = string.Template(sentence)
        assert template.is_valid(), f"{locale}: {key}"
        assert set(template.get_identifiers()) == set(
            string.Template(english[key]).get_identifiers()
        ), f"{locale}: {key}"


def test_values_are_data() -> None:
    hostile = "$title {0.__class__} %s ${severity}"
    assert i18n.say("headline.resolved", title=hostile) == f"Resolved: {hostile}"


def test_numbers_choose_the_form() -> None:
    assert i18n.say("message.firing", n=1) == "1 alert is firing"
    assert i18n.say("message.firing", n=0) == "0 alerts are firing"


@pytest.mark.parametrize("locale", ["en", "en-GB", "xx", "../../etc/passwd", ""])
def test_english_is_the_last_resort(locale: str) -> None:
    assert i18n.say("link.runbook", locale) == "Runbook"


def test_what_is_missing_is_said_all_the_same(caplog: pytest.LogCaptureFixture) -> None:
    assert i18n.say("no.such", "en", title="disk") == "no.such disk"
    assert "no sentence for no.such" in caplog.text
    assert i18n.say("headline.resolved") == "Resolved: $title"
