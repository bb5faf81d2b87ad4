"""Values never leave their place, whatever is in them and whatever the form."""

from __future__ import annotations

import html.parser
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.channels import messages
from tocsin.i18n import forms, sandbox

SNIPPETS = st.sampled_from(
    ["<", ">", "&", '"', "'", "`", "=", "\n", "\r\n", "\x00", "\x1b[31m", "\u202e", "\u200b", "|",
     "<!channel>", "<script>", "</p>", "-->", "{{ 7*7 }}", "{% if %}", "\\", "javascript:",
     "https://a.example/", "]]>", "\u2028", "\ud83d"]
)  # fmt: skip
TEXTS = st.lists(st.one_of(st.text(max_size=20), SNIPPETS), max_size=8).map("".join)
HOSTILE = [text for text in messages.HOSTILE if text]


def render(form: str, source: str, **context: Any) -> str:
    return sandbox.render(form, source, context, "en")


class Reader(html.parser.HTMLParser):
    """The tags, attributes and text that a browser would see."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[Any] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, sorted(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def seen(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    reader.close()
    return reader


@given(TEXTS)
def test_html_has_the_tags_of_the_template_and_no_others(text: str) -> None:
    source = "<p title=\"{{ x }}\" class='{{ x }}'>{{ x }}</p>"
    found = seen(render("html", source, x=text))
    shown = forms.visible(text)
    assert found.tags == [("p", [("class", shown), ("title", shown)])]
    assert found.text == shown


@given(TEXTS)
def test_an_address_in_html_stays_one(text: str) -> None:
    made = render("html", '<a href="{{ x|url }}">a</a>', x=text)
    [(tag, [(name, target)])] = seen(made).tags
    assert (tag, name) == ("a", "href")
    assert target in ("", None) or str(target).startswith(("http://", "https://"))


@given(TEXTS)
def test_mrkdwn_has_no_mention_and_no_link_of_a_value(text: str) -> None:
    made = render("mrkdwn", "[{{ x }}] `{{ x }}` <{{ x|url }}|words>", x=text)
    inside = made.removesuffix("|words>")
    assert inside.count("<") == 1
    assert made.count(">") == 1
    assert made.count("`") == 2
    assert made.count("|words>") == 1
    target = inside.rpartition("<")[2]
    assert target == "" or target.startswith(("http://", "https://"))
    assert "|" not in target
    assert len(made.splitlines()) == 1


@given(TEXTS)
def test_a_line_stays_one_line_and_hides_nothing(text: str) -> None:
    made = render("line", "Subject: {{ x }}\n{{ x }}", x=text)
    assert len(made.splitlines()) <= 1
    assert made.isprintable()


@given(TEXTS)
def test_a_value_begins_no_line_of_its_own_in_a_text(text: str) -> None:
    made = render("text", "a {{ x }}.\nb", x=text)
    assert [line[0] for line in made.splitlines()] == ["a", "b"]
    assert made.replace("\n", "").isprintable()


@given(st.recursive(st.one_of(TEXTS, st.integers(), st.booleans(), st.none()),
                    lambda inner: st.lists(inner, max_size=3)))  # fmt: skip
def test_json_carries_values_whole(value: Any) -> None:
    made = render("json", '{"a": {{ x }}, "b": [{{ x }}, 1]}', x=value)
    assert json.loads(made) == {"a": value, "b": [value, 1]}


@pytest.mark.parametrize("form", ["line", "text", "html", "mrkdwn", "json"])
@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_nothing_in_a_value_is_run(form: str, text: str) -> None:
    made = render(form, "{{ x[:3000] }}", x=text)
    assert "49" not in made
    assert "class '" not in made
    again = json.loads(made) if form == "json" else made
    if form == "json":
        assert again == text[:3000]
    else:
        assert "\n" not in again
        assert "<!channel>" not in again or form in ("line", "text")


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "ftp://a/b", "http://", "x",
     "https://[::1", "https://a.example/" + "x" * 2000, None, 7, ["https://a.example"]],
)  # fmt: skip
def test_what_is_no_web_address_says_nothing(url: object) -> None:
    assert forms.address(url) == ""


def test_a_web_address_is_kept_and_quoted() -> None:
    plain = "https://wiki.example/a?b=c&d=%20#e"
    assert forms.address(plain) == plain
    assert forms.address("https://a.example/<|>'\" `") == (
        "https://a.example/%3C%7C%3E%27%22%20%60"
    )


@pytest.mark.parametrize(
    ("value", "said"),
    [(None, ""), (True, "true"), (3, "3"), ({"a": 1, "b": "x"}, "a=1, b=x"), (["a", None, 2],
     "a, , 2"), (object(), "")],
)  # fmt: skip
def test_how_values_read(value: Any, said: str) -> None:
    assert forms.VALUES["text"](value) == said


def test_a_long_value_is_cut() -> None:
    shown = forms.visible("ä" * 1_000_000)
    assert len(shown) == forms.MAX_VALUE
    assert shown.endswith("…")


@pytest.mark.parametrize("source", ["{", "{{ x }}{{ x }}", "", '{"a": {{ x }},}', "nonsense"])
def test_what_is_no_json_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="no JSON"):
        render("json", source, x="a")
