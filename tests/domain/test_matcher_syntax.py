"""Matchers are read as Alertmanager has read them since 0.27: in two ways, the classic first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain import matchers
from tocsin.domain.matchers import Matcher, Op

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
BOTH, CLASSIC, UNLIKE = "", "cannot read", "in two ways"

#: Text, name, operator, value, and how newer Alertmanagers take it. What their documents and the
#: tests of their two parsers say was the model.
VECTORS: list[tuple[str, str, Op, str, str]] = [
    ('{foo="bar"}', "foo", "=", "bar", BOTH),
    ("{foo=bar}", "foo", "=", "bar", BOTH),
    ("foo!=bar", "foo", "!=", "bar", BOTH),
    ('foo=~"bar.*"', "foo", "=~", "bar.*", BOTH),
    ("foo!~bar,", "foo", "!~", "bar", BOTH),
    ('{ foo = "bar baz" }', "foo", "=", "bar baz", BOTH),
    ('foo=""', "foo", "=", "", BOTH),
    (r'foo="\""', "foo", "=", '"', BOTH),
    (r'foo=~"\\d+"', "foo", "=~", r"\d+", BOTH),
    (r'foo="a\nb"', "foo", "=", "a\nb", BOTH),
    ('foo="🙂"', "foo", "=", "🙂", BOTH),
    ("foo=🙂", "foo", "=", "🙂", BOTH),
    # Only the new way can read these, so that nothing is to be said.
    ('"foo"=bar', "foo", "=", "bar", BOTH),
    ('{"foo bar"="baz"}', "foo bar", "=", "baz", BOTH),
    ("{foo🙂=bar}", "foo🙂", "=", "bar", BOTH),
    ("größe=~ß.+", "größe", "=~", "ß.+", BOTH),
    ('"a.b/c"="d"', "a.b/c", "=", "d", BOTH),
    ("a.b/c=d", "a.b/c", "=", "d", BOTH),
    (r'"smile"="\U0001F642"', "smile", "=", "🙂", BOTH),
    (r'"smile"="\xf0\x9f\x99\x82"', "smile", "=", "🙂", BOTH),
    (r'"tab"="a\tb"', "tab", "=", "a\tb", BOTH),
    # Only the classic way can read these.
    ("foo=", "foo", "=", "", CLASSIC),
    ("foo=bar baz", "foo", "=", "bar baz", CLASSIC),
    ("foo==x", "foo", "=", "=x", CLASSIC),
    ("foo=~a{2}b", "foo", "=~", "a{2}b", CLASSIC),
    ("foo=~^a$|!b", "foo", "=~", "^a$|!b", CLASSIC),
    ("foo='bar'", "foo", "=", "'bar'", CLASSIC),
    ("foo=bar\\", "foo", "=", "bar\\", CLASSIC),
    (r'foo=~"\d+"', "foo", "=~", r"\d+", CLASSIC),
    (r'foo="a\qb"', "foo", "=", r"a\qb", CLASSIC),
    ('foo="a\nb"', "foo", "=", "a\nb", CLASSIC),
    # Both can, not alike, and the classic one counts.
    (r'foo="a\tb"', "foo", "=", r"a\tb", UNLIKE),
    (r'foo="\x41"', "foo", "=", r"\x41", UNLIKE),
    (r'foo="\u00e9"', "foo", "=", r"\u00e9", UNLIKE),
]


@pytest.mark.parametrize(("text", "name", "op", "value", "said"), VECTORS)
def test_matchers_are_read_as_alertmanager_reads_them(
    text: str, name: str, op: Op, value: str, said: str
) -> None:
    expected = Matcher(name, op, value)
    assert matchers.parse_list(text) == (expected,)
    doubt = matchers.doubt(text)
    if said == BOTH:
        assert doubt is None
    else:
        assert said in str(doubt)
        assert str(expected) in str(doubt)


@pytest.mark.parametrize(
    "text",
    [
        "foo", "foo!bar", "=bar", '"foo="bar', 'foo="bar', 'foo=bar"', 'foo="bar"baz',
        ",foo=bar", "foo=bar,,bar=baz", '{foo="bar"}{bar="baz"}', "foo=~(", "{,}",
    ],
)  # fmt: skip
def test_what_neither_can_read_is_refused_and_nothing_is_said_of_it(text: str) -> None:
    with pytest.raises(ValueError, match="bad matcher format"):
        matchers.parse_list(text)
    assert matchers.doubt(text) is None


def test_a_list_whose_braces_do_not_match_is_refused_though_alertmanager_forgives_it() -> None:
    with pytest.raises(ValueError, match="a closing brace"):
        matchers.parse_list("{foo=bar")


def test_an_odd_escape_where_only_the_new_way_knows_the_name_stays_as_it_stands() -> None:
    assert matchers.parse_list(r'"f"="\xff"') == (Matcher("f", "=", r"\xff"),)


def test_several_at_once() -> None:
    found = matchers.parse_list('{foo=bar, "b c"!="d,e", f=~"g|h",}')
    assert found == (
        Matcher("foo", "=", "bar"), Matcher("b c", "!=", "d,e"), Matcher("f", "=~", "g|h"),
    )  # fmt: skip


def test_one_alone_takes_a_comma_as_amtool_sends_it() -> None:
    assert matchers.parse("foo=a,b") == Matcher("foo", "=", "a,b")


@given(TEXT.filter(bool), st.sampled_from(["=", "!="]), TEXT)
def test_what_we_write_is_read_alike_by_both(name: str, op: Op, value: str) -> None:
    assert matchers.doubt(matchers.render([Matcher(name, op, value)])) is None
