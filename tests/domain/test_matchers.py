"""The matcher language is Alertmanager's, and its errors say where."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import matchers
from tocsin.domain.matchers import Matcher

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('foo="bar"', Matcher("foo", "=", "bar")),
        ("foo=bar", Matcher("foo", "=", "bar")),
        ("alertname=foo bar", Matcher("alertname", "=", "foo bar")),
        ("foo=", Matcher("foo", "=", "")),
        ('foo=""', Matcher("foo", "=", "")),
        ("foo=a,b", Matcher("foo", "=", "a,b")),
        (' foo =~ "a|b" ', Matcher("foo", "=~", "a|b")),
        ("foo!~a.*", Matcher("foo", "!~", "a.*")),
        ('foo!="x"', Matcher("foo", "!=", "x")),
        (r'foo="a\"b\\c\nd"', Matcher("foo", "=", 'a"b\\c\nd')),
        (r'foo=~"\d+"', Matcher("foo", "=~", r"\d+")),
        ('"foo bar"="x"', Matcher("foo bar", "=", "x")),
        ("größe=x", Matcher("größe", "=", "x")),
        ("a.b-c/d=x", Matcher("a.b-c/d", "=", "x")),
        ('foo="ü🔥"', Matcher("foo", "=", "ü🔥")),
    ],
)
def test_parse(text: str, expected: Matcher) -> None:
    assert matchers.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "expected a label name at position 1"),
        ("{bad", "bad matcher format: {bad: expected a label name at position 1"),
        ("foo", "expected one of = != =~ !~ after the label name at position 4"),
        ("foo~x", "at position 4"),
        ("=x", "expected a label name at position 1"),
        ('""=x', "expected a label name that is not empty"),
        ('foo="x', "expected a closing quote for the one at position 5 at position 7"),
        ('foo="x"y', "expected the end at position 8"),
        ('foo=x"y', "expected no quote inside a value"),
        ("foo=~(", "bad regular expression: missing ): ( (put a backslash"),
        ('foo=~"(?=x)"', "no look-ahead"),
        (r'foo=~"(a)\1"', "no back-references"),
        ('foo=~"*"', "put a backslash before"),
        ("foo=~" + "x" * 1025, "1025 bytes long"),
    ],
)
def test_parse_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="bad matcher format: ") as caught:
        matchers.parse(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", ()),
        (" { } ", ()),
        ("{a=b, c=~d}", (Matcher("a", "=", "b"), Matcher("c", "=~", "d"))),
        ('a="x,y" , b="}",', (Matcher("a", "=", "x,y"), Matcher("b", "=", "}"))),
        ("a=b", (Matcher("a", "=", "b"),)),
        ('{a="b",}', (Matcher("a", "=", "b"),)),
    ],
)
def test_parse_list(text: str, expected: tuple[Matcher, ...]) -> None:
    assert matchers.parse_list(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a label name at position 1"),
        ("{", "a closing brace"),
        ("{a=b", "a closing brace '}' at position 5"),
        ('a="b" c="d"', "a comma or the end at position 7"),
        ("a=b,,c=d", "a label name at position 5"),
    ],
)
def test_parse_list_says_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(ValueError, match="bad matcher format: ") as caught:
        matchers.parse_list(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("a=x", {"a": "x"}, True),
        ("a=", {}, True),
        ("a!=", {}, False),
        ("a!=x", {}, True),
        ("a=~x|y", {"a": "y"}, True),
        ("a=~x", {"a": "xx"}, False),
        ("a=~.*", {}, True),
        ("a=~.+", {}, False),
        ("a!~x.*", {"a": "xyz"}, False),
        ("a=~ü.", {"a": "üß"}, True),
    ],
)
def test_matches(text: str, labels: dict[str, str], expected: bool) -> None:
    assert matchers.matches([matchers.parse(text)], labels) is expected


def test_a_long_value_is_matched_too() -> None:
    assert matchers.parse("a=~x+").matches({"a": "x" * 5000})


def test_all_must_match_and_none_match_everything() -> None:
    assert matchers.matches(matchers.parse_list("a=1,b=2"), {"a": "1", "b": "2"})
    assert not matchers.matches(matchers.parse_list("a=1,b=2"), {"a": "1"})
    assert matchers.matches([], {})


@given(TEXT.filter(bool), st.sampled_from(["=", "!="]), TEXT)
def test_text_of_a_matcher_reads_as_the_same_matcher(
    name: str, op: matchers.Op, value: str
) -> None:
    matcher = Matcher(name, op, value)
    assert matchers.parse(str(matcher)) == matcher
    assert matchers.parse_list(matchers.render([matcher])) == (matcher,)


def refusal(read: Callable[[str], object], text: str) -> str | None:
    try:
        read(text)
    except ValueError as error:
        return str(error)
    return None


@pytest.mark.parametrize("read", [matchers.parse, matchers.parse_list])
@given(st.text(st.sampled_from('ab=~!"\\,{} \n(*') | st.characters(), max_size=40))
def test_any_text_is_read_or_refused_with_a_reason(
    read: Callable[[str], object], text: str
) -> None:
    said = refusal(read, text)
    assert said is None or said.startswith("bad matcher format: ")


def test_equal_lists_render_equal() -> None:
    one, other = matchers.parse_list("b=1,a=2"), matchers.parse_list('a="2",b="1"')
    assert matchers.render(one) == matchers.render(other) == '{a="2",b="1"}'


def test_a_matcher_that_makes_no_sense_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        Matcher("", "=", "x")
    with pytest.raises(ValueError, match="unknown operator"):
        Matcher("a", "==", "x")  # type: ignore[arg-type]
