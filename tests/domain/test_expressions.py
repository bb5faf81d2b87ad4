"""The language of conditions: what it means, and that its errors say where and what to write."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tocsin import plugins
from tocsin.domain import expressions
from tocsin.domain.expressions import Name, Scope, lexer, tree

FUNCTIONS = plugins.load("tocsin.domain.functions", ("TAKES", "GIVES", "call"))
SCOPE = Scope(
    {
        "severity": Name("severity", lambda subject: subject["severity"]),
        "status": Name("text", lambda subject: "firing", ("firing", "resolved")),
        "alertname": Name("text", lambda subject: subject["labels"].get("alertname")),
        "age": Name("duration", lambda subject: subject["age"]),
        "score": Name("number", lambda subject: subject.get("score")),
        "labels": Name("texts", lambda subject: subject["labels"]),
        "body": Name("json", lambda subject: subject["body"]),
    },
    FUNCTIONS,
    lambda name: f": write labels.{name}",
)
LABELS = {
    "alertname": "HighCPU", "cpu": "81.5", "percent": "81%", "up": "6m", "ok": "true",
    "level": "crit", "any name": "x", "in": "1", "empty": "",
}  # fmt: skip
BODY = {
    "check": {"name": "disk"}, "items": [1, "two", None, {"a": True}], "n": 5, "s": "5",
    "yes": True, "nothing": None, "f": 1.5,
}  # fmt: skip
SUBJECT = {"severity": 3.0, "labels": LABELS, "age": 300.0, "body": BODY}


def value(text: str, wants: expressions.Kind = "boolean", subject: Any = None) -> Any:
    return expressions.parse(text, SCOPE, wants).run(subject or SUBJECT)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ('alertname == "HighCPU" and labels.cpu > 80', True),
        ("labels.cpu >= 81.5", True),
        ("labels.cpu > 81.5", False),
        ("80 < labels.cpu", True),
        ("labels.cpu == 8.15e1", True),
        ("labels.up > 5m", True),
        ("labels.up == 6m and labels.up == 360s", True),
        ('labels["any name"] == "x"', True),
        ("labels.in == 1", True),
        ("labels.ok == true", True),
        ('labels.level >= "critical" and labels.level == "crit"', True),
        ("labels.level == severity", False),
        ("labels.level > severity", True),
        ('severity == "error"', True),
        ('severity >= "warning" and severity < "critical"', True),
        ('severity in ["error", "critical"]', True),
        ('severity not in ["error", "critical"]', False),
        ("age >= 5m", True),
        ("age > 5m", False),
        ('status == "firing"', True),
        ('alertname in ["A", "HighCPU"]', True),
        ("labels.cpu in [80, 81.5]", True),
        ('alertname contains "CPU"', True),
        ('alertname not contains "CPU"', False),
        ('alertname matches "High.*"', True),
        ('alertname matches "High"', False),
        (r'labels.cpu matches "\d+\.\d"', True),
        ("labels.cpu + 10 * 2 == 101.5", True),
        ("(labels.cpu + 10) * 2 == 183", True),
        ("-labels.cpu < -81", True),
        ("10 - 2 - 3 == 5 and 8 / 2 / 2 == 2", True),
        ("false or not false and true", True),
        ("not (true or false)", False),
        ("labels.cpu > 80 or labels.nope > 1", True),
        # What is absent is the empty text, and no number, no duration and no severity.
        ('labels.nope == ""', True),
        ('labels.nope != "x"', True),
        ('labels.nope not matches ".+"', True),
        ("labels.nope > 1", False),
        ("labels.nope <= 1", False),
        ("labels.nope != 1", False),
        ("labels.nope == 0", False),
        ("labels.nope < 5m", False),
        ("labels.nope != 5m", False),
        ("labels.nope != severity", False),
        ("labels.percent != 81", False),
        ("labels.empty + 1 == 1", False),
        ("labels.cpu / labels.zero == 1", False),
        ("score > 0.5", False),
        ("score <= 0.5", False),
        # Documents.
        ('body.check.name == "disk"', True),
        ('body["check"]["name"] == "disk"', True),
        ("body.items[0] == 1", True),
        ('body.items[-1]["a"]', True),
        ("body.items[99] == 1", False),
        ("body.items[99] != 1", False),
        ('body.items[99] == ""', True),
        ('body.items contains "two"', True),
        ("body.items contains body.items[0]", True),
        ('"two" in body.items', True),
        ('"isk" in body.check.name', True),
        ("body.n == body.s", False),
        ("body.n == body.n", True),
        ("body.n == 5 and body.s == 5", True),
        ('body.n == "5" and body.yes == "true" and body.f == "1.5"', True),
        ("body.yes and not body.n", True),
        ("body.yes == 1", False),
        ("body.n < 6", True),
        ("body.check == 5", False),
        ('body.check != "x"', False),
        ("body.deep.er.still > 1", False),
        # Functions.
        ('threshold(labels.cpu, 80, 90) == "warning"', True),
        ('threshold(labels.cpu, 80, 81.5) == "critical"', True),
        ('threshold(labels.cpu, 90, 85) == "critical"', True),
        ('threshold(labels.nope, 80, 90) == "none"', False),
        ('lower(alertname) == "highcpu"', True),
        ('default(labels.nope, "x") == "x" and default(body.n, 7) == 5', True),
    ],
)
def test_what_conditions_mean(text: str, holds: bool) -> None:
    assert value(text) is holds


def test_values_for_whoever_asks_for_something_else() -> None:
    assert value("body.n", "any") == 5
    assert value("body.n", "text") == "5"
    assert value("body.f", "number") == 1.5
    assert value('default(body.nothing, "none")', "text") == "none"
    assert value("labels.cpu * 2", "any") == 163.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column 1: the expression is empty"),
        ("cpu_usage > 80", "column 1: unknown name `cpu_usage`: write labels.cpu_usage"),
        ("severty > 1", "column 1: unknown name `severty`: did you mean `severity`?"),
        (
            'severity == "critcal"',
            'column 13: "critcal" is no severity: did you mean `critical`?',
        ),
        ('status == "up"', 'column 11: "up" is not possible here: there is `firing`, `resolved`'),
        ('severity in ["eror"]', "column 14"),
        ('age > "5m"', "column 5: a duration cannot be compared with a text: write 5m without"),
        ("age > 5", "column 5: a duration cannot be compared with a number: give it a unit"),
        ("severity > 3", "column 10: a severity cannot be compared with a number"),
        ('alertname > "a"', "column 11: `>` cannot order a text"),
        ("labels.x", "column 1: expected a condition (true or false), this is a label"),
        ("true and labels.x", "column 10: expected a condition"),
        ("labels > 1", "column 1: `labels` holds many: write labels.x"),
        ("labels[0] == 1", 'column 8: expected a name in quotes, such as ["instance"]'),
        ("labels.x.y == 1", "column 10: a label (a text) has no parts"),
        ("labels. == 1", "column 9: expected a name after the dot, not `==`"),
        ('alertname = "x"', "column 11: `=` has no meaning here: write `==`"),
        ('alertname =~ "x"', "column 11: `=` has no meaning here: write `matches`"),
        ("true && true", "column 6: `&` has no meaning here: write `and`"),
        ("true || true", "column 6: `|` has no meaning here: write `or`"),
        ("!true", "column 1: `!` has no meaning here: write `not`"),
        ("true AND true", "column 6: `AND` is written in small letters: `and`"),
        ("1 < 2 < 3", "column 7: compare one pair at a time"),
        ("1 < 2 3", "column 7: expected an operator or the end, not `3`"),
        ("(1 < 2", "column 7: expected `)` for the one at column 1, not the end"),
        ("1 < ", "column 5: expected a value or a name, not the end"),
        ('"abc', "column 1: this quote is never closed"),
        ("5x > age", "column 1: `5x` is not a duration"),
        ('labels.x in "a"', 'column 13: expected a list after `in`, such as ["a", "b"]'),
        ("labels.x in [labels.y]", "column 14: a list holds texts, numbers or durations"),
        ("[1] == [1]", "column 1: a list cannot be compared"),
        ("age contains 5m", "column 1: expected a text left of `contains`"),
        ("labels.x matches labels.y", "column 18: expected a regular expression in quotes"),
        ('labels.x matches "("', "column 18: bad regular expression: missing )"),
        ('labels.x matches "(?=a)"', "no look-ahead"),
        ('labels.x not == "a"', "column 14: expected `in`, `contains` or `matches` after `not`"),
        ('"a" + "b" == "ab"', "column 1: `+` works on numbers, this is a text"),
        ("labels.x / 0 == 1", "column 12: nothing can be divided by zero"),
        ("rate == 1", "column 1: `rate` is a function: write rate(...)"),
        ("rte(5m) > 1", "column 1: unknown function `rte`: did you mean `rate`?"),
        ("rate() > 1", "column 1: `rate` takes 1: a duration"),
        ("rate(5) > 1", "column 6: `rate` takes a duration here, not a number"),
        ("rate(age) > 1", "column 6: `rate` looks back over a fixed time"),
        ("rate(0s) > 1", "column 6: `rate` looks back over a fixed time"),
        ("lower(5) == 1", "column 7: `lower` takes a text here, not a number"),
        ("(" * 30 + "true" + ")" * 30, "nested deeper than 24 levels"),
        ("not " * 30 + "true", "nested deeper than 24 levels"),
        ("1" + " + 1" * 30 + " == 31", "nested deeper than 24 levels"),
        ("true" + " or true" * 500, "more than 400 parts"),
        ('labels.x == "' + "ü" * 2100 + '"', "bytes long, more than 4096"),
    ],
)
def test_errors_say_where_and_what_to_write(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        expressions.parse(text, SCOPE)


def test_what_an_expression_uses_and_looks_back_to() -> None:
    found = expressions.parse('rate(10m) > 5 and score > 1 and labels.x == "a"', SCOPE)
    assert found.windows == (600.0,)
    assert found.uses == {"score", "labels"}


@pytest.mark.parametrize(
    ("text", "needs"),
    [
        ('alertname == "A"', {"alertname": {"A"}}),
        ('"A" == labels.x', {"labels.x": {"A"}}),
        ('labels["any name"] in ["a", "b"] and age > 5m', {"labels.any name": {"a", "b"}}),
        ('alertname == "A" or alertname == "B"', {"alertname": {"A", "B"}}),
        ('alertname == "A" or age > 5m', {}),
        ('alertname == "A" and (labels.x == "1" or labels.y == "2")', {"alertname": {"A"}}),
        ('alertname == "A" and alertname in ["A", "B"]', {"alertname": {"A"}}),
        ('not alertname == "A"', {}),
        ("labels.x == 80", {}),
        ('alertname != "A"', {}),
        ('alertname matches "A"', {}),
        ('body.a.b == "x"', {}),
    ],
)
def test_equalities_without_which_it_cannot_hold(text: str, needs: dict[str, set[str]]) -> None:
    assert expressions.parse(text, SCOPE).needs == needs


WORDS = st.sampled_from(
    [
        *sorted(lexer.WORDS | set(SCOPE.names) | set(FUNCTIONS)),
        "==", "!=", "<", ">=", "+", "-", "*", "/", "(", ")", "[", "]", ",", ".", ".x", "1", "0",
        "5m", "1e9", "ü", "\\", "\x00", '"', "'b'",
        '["x"]', '"a"', '"critical"',
    ]
)  # fmt: skip


@given(st.lists(WORDS, max_size=14).map(" ".join) | st.text(max_size=60))
@example("1e")
@example("1e999 > 1")
@example("9" * 4000 + " > 1")
@example("((((((")
@example("labels")
def test_whatever_is_written_is_an_expression_or_a_value_error(text: str) -> None:
    try:
        found = expressions.parse(text, SCOPE, "any")
    except ValueError:
        return
    found.run({**SUBJECT, "signs": None} if "rate" not in text else _Counted(SUBJECT))


class _Counted(dict[str, Any]):
    def signs(self, seconds: float) -> int:
        return 3


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


@given(JSON, st.text(max_size=8))
def test_no_document_and_no_label_makes_a_good_expression_fail(body: Any, label: str) -> None:
    subject = {"severity": 0.0, "labels": {"x": label}, "age": 1.0, "body": {"a": body}}
    for text in (
        "body.a > 1", "body.a == labels.x", "body.a[0] < 5m", 'body.a.b contains "x"',
        "body.a * 1e300 * 1e300 - body.a > 1", "body.a", "labels.x in [1, 5m, true]",
        'labels.x matches "[0-9]+"', "threshold(body.a, labels.x, 3) == severity",
        'lower(body.a) == "x"', "body.a / body.a != 1", "labels.x in body.a", "body.a == body.a.b",
    ):  # fmt: skip
        assert isinstance(value(text, subject=subject), bool)


def test_bounds_are_what_the_reference_says() -> None:
    assert (lexer.MAX_BYTES, tree.MAX_DEPTH, tree.MAX_NODES) == (4096, 24, 400)
