"""Templates: which one is used, and what none of them may be made of."""

from __future__ import annotations

from typing import Any

import pytest

import channels
from tocsin import errors
from tocsin.config import documents
from tocsin.domain import template_places, template_syntax, templates

NAMES = {"title", "alerts", "labels", "url", "over", "say", "runbook", "firing"}


def template(name: str, channel: str = "*", type: str = "*", *receivers: str) -> Any:
    return templates.Template(name, channel, type, {"text": "x"}, frozenset(receivers))


RANKED = [
    template("receiver", "*", "*", "ops"),
    template("both", "slack", "first"),
    template("channel", "slack"),
    template("type", "*", "first"),
    template("any"),
]


@pytest.mark.parametrize("without", range(len(RANKED)))
@pytest.mark.parametrize("turn", [1, -1])
def test_the_most_specific_is_chosen_in_any_order(without: int, turn: int) -> None:
    rest = RANKED[without:]
    chosen = templates.choose(rest[::turn], "ops", "slack", "first", ["text"])
    assert chosen is RANKED[without]


@pytest.mark.parametrize(
    ("receiver", "channel", "reason", "name"),
    [
        ("dev", "slack", "first", "both"),
        ("dev", "slack", "repeat", "channel"),
        ("dev", "sms", "first", "type"),
        ("dev", "sms", "repeat", "any"),
    ],
)
def test_a_template_is_for_what_it_names(
    receiver: str, channel: str, reason: str, name: str
) -> None:
    chosen = templates.choose(RANKED, receiver, channel, reason, ["text"])
    assert chosen is not None
    assert chosen.name == name


def test_a_template_without_a_part_for_the_channel_is_passed_by() -> None:
    assert templates.choose(RANKED, "ops", "webhook", "first", ["body"]) is None
    assert templates.choose([], "ops", "slack", "first", ["text"]) is None


@pytest.mark.parametrize(
    "source",
    [
        "{{ title }}",
        "{% for a in alerts %}{{ loop.index }} {{ a.labels['a b'] }}{% else %}-{% endfor %}",
        "{% for name, value in labels|items if value %}{{ name }}={{ value }}{% endfor %}",
        "{% if over and not runbook %}a{% elif firing > 3 %}b{% else %}c{% endif %}",
        "{{ say('message.firing', n=firing) }} {{ (title ~ '!')|truncate(9)|upper }}",
        "{{ labels._dashboard }} {{ alerts[0:3]|length + 1 - 2 }} {{ 'x' in ['x', title] }}",
        "{{ runbook|default('-') if runbook is defined and runbook is not none else '' }}",
        "{# a comment with {{ nothing }} #}{% raw %}{{ x }}{% endraw %}",
    ],
)
def test_what_a_template_may_be_made_of(source: str) -> None:
    assert list(template_syntax.problems(source, NAMES)) == []


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("{{ titel }}", 1, "there is no `titel`"),
        ("a\n{{ title", 2, "unexpected end"),
        ("{{ title|tojson }}", 1, "no filter `tojson`"),
        ("{{ title|center(1000000000) }}", 1, "no filter `center`"),
        ("{{ title is string }}", 1, "no test `string`"),
        ("\n{% set x = title %}", 2, "`set` is not allowed"),
        ("{% set x %}a{% endset %}", 1, "`set` is not allowed"),
        ("{% with x = 1 %}{% endwith %}", 1, "`with` is not allowed"),
        ("{{ 'A' * 1000000000 }}", 1, "`*` is not allowed"),
        ("{{ 9 ** 999999999 }}", 1, "`**` is not allowed"),
        ("{{ '%999999999d' % 1 }}", 1, "`%` is not allowed"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", 1, "macros are not allowed"),
        ("{% call say('x') %}{% endcall %}", 1, "macros are not allowed"),
        ("{% include 'x' %}", 1, "stands alone"),
        ("{% import 'x' as y %}", 1, "stands alone"),
        ("{% from 'x' import y %}", 1, "stands alone"),
        ("{% extends 'x' %}", 1, "stands alone"),
        ("{% block x %}{% endblock %}", 1, "stands alone"),
        ("{% filter upper %}x{% endfilter %}", 1, "not allowed"),
        ("{% autoescape false %}x{% endautoescape %}", 1, "`autoescape` is not allowed"),
        ("{% for a in alerts %}{% for b in alerts %}{% endfor %}{% endfor %}", 1, "loop inside"),
        ("{% for a in alerts recursive %}{{ loop(a) }}{% endfor %}", 1, "write the loop"),
        ("{{ range(99999) }}", 1, "there is no `range`"),
        ("{{ lipsum(n=100000) }}", 1, "there is no `lipsum`"),
        ("{{ cycler('a') }}", 1, "there is no `cycler`"),
        ("{{ joiner() }}", 1, "there is no `joiner`"),
        ("{{ namespace() }}", 1, "there is no `namespace`"),
        ("{{ self }}", 1, "there is no `self`"),
        ("{{ title.upper() }}", 1, "nothing can be called"),
        ("{{ say(*alerts) }}", 1, "one by one"),
        ("{{ say(**labels) }}", 1, "one by one"),
        ("{{ title.__class__ }}", 1, "begins with `_`"),
        ("{{ title['__class__'] }}", 1, "begins with `_`"),
        ("{{ {'a': 1} }}", 1, "`dict` is not allowed"),
        ("{{ title|attr('x') }}", 1, "no filter `attr`"),
        ("x" * 8193, 1, "larger than 8,192 bytes"),
        ("{{ " + "(" * 500 + "title" + ")" * 500 + " }}", 1, "nested too deeply"),
        ("{{ " + "not " * 60 + "title }}", 1, "nested too deeply"),
        ("{{ " + "-" * 4000 + "1 }}", 1, "nested too deeply"),
        ("{% if title %}" * 50 + "{% endif %}" * 50, 1, "nested too deeply"),
    ],
)
def test_what_it_may_not_be_made_of(source: str, line: int, said: str) -> None:
    found = list(template_syntax.problems(source, NAMES))
    assert any(at == line and said in words for at, words in found), found


@pytest.mark.parametrize(
    ("form", "source"),
    [
        ("html", "<!doctype html><p class='{{ title }}'>1 < 2 {{ title }}</p><!-- a > b -->"),
        ("html", '<a href="{{ url|url }}" title="{{ title }}">{{ title }}</a><br/>{{ title }}'),
        ("html", '<a href="https://wiki.example/x?q={{ title }}">w</a><style>p { a: b }</style>'),
        ("html", "{% if over %}<b>{{ title }}</b>{% else %}<i>x</i>{% endif %}"),
        ("mrkdwn", "*{{ title }}* <{{ runbook|url }}|read {{ title }}> {{ title }} <!here>"),
        ("mrkdwn", "<https://wiki.example/{{ title }}> {% if over %}<{{ url|url }}|y>{% endif %}"),
        ("json", '{"a\\"b": {{ title }}, "c": [{% if over %}1{% else %}{{ firing }}{% endif %}]}'),
        ("text", '<{{ title }}> "{{ title }}"'),
    ],
)  # fmt: skip
def test_places_for_values(form: str, source: str) -> None:
    assert list(template_places.problems(form, source)) == []


@pytest.mark.parametrize(
    ("form", "source"),
    [
        ("html", "<p class={{ title }}>"),
        ("html", "<p {{ title }}>"),
        ("html", "<{{ title }}>"),
        ("html", "</{{ title }}>"),
        ("html", "<p onclick='{{ title }}'>"),
        ("html", "<p style='color: {{ title }}'>"),
        ("html", "<a href='{{ title }}'>"),
        ("html", "<a href='{{ title ~ title|url }}'>"),
        ("html", "<a href='{{ title if over else url|url }}'>"),
        ("html", "<a href='java{{ url|url }}'>"),
        ("html", "<a href='https://{{ title }}/'>"),
        ("html", "<img src=\"{{ title }}\">"),
        ("html", "<style>{{ title }}</style>"),
        ("html", "<title>{{ title }}</title>"),
        ("html", "<script>1</script>"),
        ("html", "<SCRIPT SRC='x'></SCRIPT>"),
        ("html", "<iframe></iframe>"),
        ("html", "<!-- {{ title }} -->"),
        ("html", "<p {% if over %}class='x'{% endif %}>"),
        ("html", "<p class='{% if over %}x{% endif %}'>"),
        ("html", "<p title=\"a'>\" {{ title }}>"),
        ("mrkdwn", "<{{ title }}>"),
        ("mrkdwn", "<{{ title }}|x>"),
        ("mrkdwn", "<!{{ title }}>"),
        ("mrkdwn", "<@{{ url|url }}>"),
        ("mrkdwn", "<https://{{ title }}|x>"),
        ("mrkdwn", "<{% if over %}{{ url|url }}{% endif %}|x>"),
        ("json", '{"a": "{{ title }}"}'),
        ("json", '["\\\\\\"{{ title }}"]'),
        ("json", '{% if over %}"{% endif %}{{ title }}"'),
        ("json", '"a{% if over %}b{% endif %}"'),
    ],
)  # fmt: skip
def test_no_places_for_values(form: str, source: str) -> None:
    assert list(template_places.problems(form, source)) != []


HEAD = "route: {receiver: ops}\nreceivers: [{name: ops, locale: de-AT}]\nlocale: fr\n"


def refused(text: str) -> list[tuple[int | None, str]]:
    with pytest.raises(errors.PolicyError) as error:
        documents.parse(HEAD + text, channels.settings_models())
    return error.value.problems


def test_a_policy_with_templates() -> None:
    text = HEAD + "templates:\n  - name: a\n    channel: slack\n    parts: {text: '{{ title }}'}\n"
    policy = documents.parse(text, channels.settings_models())
    assert [(t.name, t.channel, t.type, t.line) for t in policy.templates] == [
        ("a", "slack", "*", 5)
    ]
    assert (policy.locale_for("ops"), policy.locale_for("x")) == ("de-AT,fr", "fr")


@pytest.mark.parametrize(
    ("entry", "line", "said"),
    [
        ("channel: slck\n    parts: {text: x}", 6, "there is no channel `slck`: did you mean `sl"),
        ("type: frist\n    parts: {text: x}", 6, "no type `frist`: did you mean `first`?"),
        ("receivers: [opps]\n    parts: {text: x}", 6, "`opps`: did you mean `ops`?"),
        ("channel: webhook\n    parts:\n      boddy: x", 8, "did you mean `body`?"),
        ("parts: {}", 6, "at least 1"),
        ("parts:\n      text: |\n        a\n        {{ titel }}", 7,
         "template `a`, part `text`, line 2 of it: there is no `titel`: did you mean `title`?"),
        ("channel: webhook\n    parts: {body: '\"{{ title }}\"'}", 7, "leave out the quotes"),
        ("chanel: slack\n    parts: {text: x}", 6, "did you mean `channel`?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(entry: str, line: int, said: str) -> None:
    problems = refused(f"templates:\n  - name: a\n    {entry}\n")
    assert any(at == line and said in words for at, words in problems), problems


def test_two_for_the_same_messages_are_refused() -> None:
    first = "templates:\n  - {name: a, channel: slack, parts: {text: x}}\n"
    [(line, said)] = refused(first + "  - {name: b, channel: slack, parts: {text: y}}\n")
    assert (line, "`a` and `b` are for the same messages" in said) == (6, True)
    [(line, said)] = refused(first + "  - {name: a, type: first, parts: {text: y}}\n")
    assert (line, said) == (6, "the template `a` is defined twice")


@pytest.mark.parametrize(
    "text",
    [
        "7",
        "[1, x]",
        "[{name: 1}]",
        "[{name: a, parts: 3}]",
        "[{name: a, channel: [], type: {}, receivers: x, parts: {1: 2}}]",
    ],
)
def test_what_has_no_form_is_refused_and_harms_nobody(text: str) -> None:
    assert refused(f"templates: {text}\n")
