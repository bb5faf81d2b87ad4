"""The words of templates; and the drills: what hostile ones reach, which is nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import jinja2
import pytest

from tests.channels import messages
from tocsin import i18n
from tocsin.domain import template_syntax
from tocsin.i18n import rendering, samples, sandbox

FORMS = ("line", "text", "html", "mrkdwn", "json")
CONTEXT = rendering.context(samples.message("repeat"))


def text(source: str, context: Mapping[str, Any] = CONTEXT, locale: str = "en") -> str:
    return sandbox.render("text", source, context, locale)


def test_what_is_accepted_is_what_is_there() -> None:
    for form in FORMS:
        made = sandbox.environment(form)
        assert set(made.filters) == template_syntax.FILTERS
        assert set(made.tests) == template_syntax.TESTS
        assert made.globals == {}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{{ severity|upper }}: {{ title|lower }}", "CRITICAL: diskfull: disk of db-1 is full"),
        (
            "{% for a in alerts %}{{ loop.index }}{{ a.labels.instance }} {% endfor %}",
            "1db-1 2db-2",
        ),
        (
            "{% for name, value in labels|items %}{{ name }}={{ value }};{% endfor %}",
            "alertname=DiskFull;severity=critical;team=db;",
        ),
        ("{{ opened_at|since }}", "4h"),
        ("{{ at|date }}", "2026-03-07 03:07 UTC"),
        ("{{ at|date('%H:%M %Z', 'Europe/Vienna') }}", "04:07 CET"),
        ("{{ 'x'|date }}{{ 7|since }}{{ nothing|date }}", ""),
        ("{{ title|truncate(9) }}", "DiskFull…"),
        ("{{ title|truncate(900) }}", CONTEXT["title"]),
        ("{{ title|replace('Disk', 'Plate')|truncate(10) }}", "PlateFull…"),
        ("{{ acknowledged_by|default('nobody') }}", "nobody"),
        ("{{ labels.nothing.deeper|default('-') }}", "-"),
        ("{{ nothing.at.all }}{{ runbook.x }}", ""),
        ("{{ alerts|length }} {{ alerts|first }}"[:20], "2"),
        ("{{ (alerts|last).labels.instance }}", "db-2"),
        ("{{ alerts[1].labels['instance'] }}{{ alerts[9] }}", "db-2"),
        ("{{ ['a', 'b']|join('-') }}", "a-b"),
        ("{{ labels.items }}{{ labels.get }}{{ title.format }}", ""),
        ("{{ over }} {{ owner }} {{ firing + 1 }}", "false Team DB 3"),
        ("{{ say('message.firing', n=firing) }}", "2 alerts are firing"),
        ("{{ say('severity.' ~ severity) }}", "Critical"),
    ],
)
def test_what_a_template_can_say(source: str, said: str) -> None:
    assert text(source) == said


def test_a_label_called_like_a_method_is_a_label() -> None:
    assert text("{{ labels.items }} {{ labels.keys }}", {"labels": {"items": "3"}}) == "3"


#: Well-known ways out of a sandbox, and ways to need more than there is.
HOSTILE = (
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ title|attr('__class__') }}",
    "{{ say.__globals__ }}",
    "{{ say.__init__.__globals__['os'].popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__ }}",
    "{{ namespace.__init__ }}",
    "{{ config }}",
    "{{ request.application.__globals__ }}",
    "{{ get_flashed_messages.__globals__ }}",
    "{{ '{0.__class__.__init__}'.format(say) }}",
    "{{ '%s' % say }}",
    "{{ labels.update({'x': 1}) }}",
    "{{ alerts.append(1) }}",
    "{{ alerts.clear() }}",
    "{% include '/etc/passwd' %}",
    "{% import 'os' as os %}",
    "{% extends 'x' %}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{{ lipsum(n=100000) }}",
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
    "{{ 'A' * 1000000000 }}",
    "{{ 'a'|center(1000000000) }}",
    "{{ '%1000000000d' % 1 }}",
    "{{ 9 ** 9 ** 9 ** 9 }}",
    "{{ title|replace('', 'x' * 100000000) }}",
    "{% for a in alerts recursive %}{{ loop(alerts) }}{% endfor %}",
    "{{ (1).__class__ }}",
    "{{ ().__class__.__base__ }}",
    "{{ loop.__class__ }}",
    "{% set x = namespace(a=1) %}",
    "{{ undefined() }}",
    "{{ dict.mro() }}",
    "{{ url_for.__globals__ }}",
)


@pytest.mark.parametrize("source", HOSTILE)
def test_the_first_wall_refuses_it(source: str) -> None:
    names = set(CONTEXT) | {"say"}
    assert list(template_syntax.problems(source, names)) != []


@pytest.fixture(scope="module")
def renderer() -> Iterator[rendering.Renderer]:
    made = rendering.Renderer(seconds=2.0)
    made.start()
    yield made
    made.stop()


@pytest.mark.parametrize("source", HOSTILE)
def test_the_other_walls_hold_without_the_first(renderer: rendering.Renderer, source: str) -> None:
    before = repr(CONTEXT)
    renderer.start()
    try:
        made = renderer.render({"text": ("text", source)}, CONTEXT, "en")["text"]
    except rendering.Unusable as refused:
        made = refused.message
    for forbidden in ("uid=", "root:", "<class", "subclasses", "TOCSIN", "os.environ"):
        assert forbidden not in made
    assert len(made) <= sandbox.MAX_OUTPUT
    assert repr(CONTEXT) == before
    renderer.start()
    assert renderer.render({"text": ("text", "{{ severity }}")}, CONTEXT, "en") == {
        "text": "critical"
    }


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{% for a in alerts %}" + "x" * 8000 + "{% endfor %}" + "y" * 8000, "16,384 characters"),
        ("{{ ['" + "x" * 4000 + "', '', '', '', '', '']|join('" + "y" * 4000 + "') }}",
         "a filter makes more"),
        ("{{ at|date('%1000000000d') }}", "the date has no %1"),
        ("{{ at|date('%c') }}", "the date has no %c"),
        ("{{ at|date('%H', '../../etc/passwd') }}", "no time zone"),
        ("{{ at|date('%H', 'Mars/Olympus') }}", "no time zone"),
        ("{{ firing + title }}", "unsupported operand"),
    ],
)  # fmt: skip
def test_what_is_too_much_is_refused(source: str, said: str) -> None:
    with pytest.raises((ValueError, TypeError, jinja2.TemplateError), match=said):
        text(source)


@pytest.mark.parametrize("hostile", messages.HOSTILE, ids=range(len(messages.HOSTILE)))
def test_hostile_alerts_are_told_all_the_same(hostile: str) -> None:
    each = "{% for a in alerts[:3] %}{{ a.labels|items|length }}{% endfor %}"
    source = "{{ title|truncate(100) }}" + each
    context = rendering.context(messages.hostile(hostile))
    for form in ("line", "text", "html", "mrkdwn"):
        assert len(sandbox.render(form, source, context, "en")) < sandbox.MAX_OUTPUT


def test_every_sample_is_of_its_type() -> None:
    assert [samples.message(reason).reason for reason in samples.TYPES] == list(samples.TYPES)
    assert [m.reason for m in samples.of("resolved")] == ["resolved", "first"]
    assert i18n.say("severity.critical") in text("{{ say('severity.critical') }}")
