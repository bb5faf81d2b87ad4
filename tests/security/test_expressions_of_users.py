"""What users write as a regular expression goes to RE2, which never goes back; `re` never sees it.

ASVS 1.3.12 (expressions that explode).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import channels
from tocsin.config import documents
from tocsin.domain import matchers
from tocsin.domain.expressions import parser

ROOT = Path(__file__).parents[2]
PACKAGES = ("actors", "channels", "ingest", "scheduler", "schemas", "tocsin", "workers")
TAKES = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
#: Patterns that are put together, each from names of our own.
MADE = {"tocsin/config/importing/go_values.py": "the words of Go's layouts of dates",
        "tocsin/domain/template_places.py": "the name of an element that HTML reads raw",
        "schemas/mapping.py": "the form of a name, which the schema shows as well"}  # fmt: skip
EXPLODES = "(a+)+$sentinel"
POLICY = """
route:
  receiver: ops
  routes: [{receiver: ops, matchers: ['host=~"PATTERN"']}]
receivers: [{name: ops}]
rules: [{name: slow, when: 'labels.host matches "PATTERN"', then: {labels: {a: b}}}]
"""


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Each call of `re` in the product."""
    for file in (path for name in PACKAGES for path in (ROOT / name).rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                of = node.func.value
                if isinstance(of, ast.Name) and of.id == "re" and node.func.attr in TAKES:
                    yield str(file.relative_to(ROOT)), node


def test_every_pattern_of_re_stands_in_the_source() -> None:
    found = list(calls())
    assert len(found) > 50
    made = {
        name for name, call in found
        if not all(isinstance(each, ast.Constant) for each in _parts(call.args[0]))
    }  # fmt: skip
    assert made == set(MADE)


def _parts(pattern: ast.expr) -> Iterator[ast.expr]:
    """The pieces of a pattern that is written as several strings."""
    if isinstance(pattern, ast.BinOp):
        yield from _parts(pattern.left)
        yield from _parts(pattern.right)
    else:
        yield pattern


def test_no_expression_of_a_policy_reaches_re(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = re.compile

    def noted(pattern: object, flags: int = 0) -> object:
        seen.append(str(pattern))
        return real(pattern, flags)  # type: ignore[call-overload]

    for name in ("compile", "_compile"):
        monkeypatch.setattr(re, name, noted)
    matchers.regex(EXPLODES)
    parser.parse(f'labels.host matches "{EXPLODES}"')
    assert [text for text in seen if "sentinel" in text] == []


def test_what_explodes_elsewhere_is_quick_here() -> None:
    """28 letters take `re` six seconds, and each further one twice as long."""
    policy = documents.parse(POLICY.replace("PATTERN", "(a+)+$"), channels.settings_models())
    assert policy is not None
    slow = matchers.parse('host=~"(a+)+$"')
    assert not slow.matches({"host": "a" * 100_000 + "!"})
    with pytest.raises(ValueError, match=r"regular expression|regex"):
        matchers.parse('host=~"(?=a)"')
    with pytest.raises(ValueError, match=r"1024|too long|long"):
        matchers.parse(f'host=~"{"a" * 2000}"')
