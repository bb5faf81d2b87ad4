"""What every report keeps to, whoever wrote it: pure, first our own failures, words for all."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scheduler import reporting, reports
from scheduler.reports import _page, _sheet
from schemas.alert import SEVERITY_RANK
from schemas.report import Content
from tocsin import i18n
from tocsin.domain import cadence, history

KINDS = sorted(reports.registry())
T0 = datetime(2026, 3, 23, tzinfo=UTC)
WEEK = cadence.Period(T0, T0 + timedelta(days=7), "UTC")
HOSTILE = "=cmd|' /C calc'!A0 <script>a(1)</script> <img src=http://evil.test/x> \u202e\x1b[31m"
HEAD = _page.Head("T", "P", ("note",), "http://t.test/r/1", "http://t.test")
VOID = {"meta", "br", "img", "link", "input", "hr"}

moments = st.integers(0, 10_000).map(lambda n: T0 + timedelta(minutes=n))
texts = st.one_of(st.just(HOSTILE), st.text(max_size=20))
ids = st.uuids().map(str)
facts = st.builds(
    history.Facts,
    incidents=st.lists(st.builds(
        history.Incident, id=ids, title=texts, severity=st.sampled_from(sorted(SEVERITY_RANK)),
        state=st.sampled_from(["open", "acknowledged", "resolved"]), opened_at=moments,
        acknowledged_at=st.none() | moments, resolved_at=st.none() | moments, acted=st.booleans(),
    ), max_size=5).map(tuple),
    told=st.integers(0, 9),
    failures=st.lists(st.builds(
        history.Failure, id=ids, title=texts, destination=texts,
        state=st.sampled_from(["dead", "sent", "pending"]), created_at=moments,
        finished_at=st.none() | moments, cause=st.none() | texts,
    ), max_size=3).map(tuple),
    breaches=st.lists(st.builds(history.Breach, incident=ids, title=texts, level=texts,
                                clock=st.just("resolve"), at=moments), max_size=3).map(tuple),
    pages=st.lists(st.builds(history.Page, id=ids, person=texts, at=moments),
                   max_size=5).map(tuple),
    alerts=st.lists(st.builds(
        history.Alerts, name=texts, fired=st.integers(1, 9), ended=st.integers(0, 9),
        seconds=st.floats(0, 1e6), median=st.none() | st.floats(0, 1e6), acted=st.booleans(),
    ), max_size=30).map(tuple),
    volume=st.dictionaries(st.just(date(2026, 3, 24)), st.integers(1, 9)),
)  # fmt: skip
EMPTY = history.Facts()


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Tags(HTMLParser):
    """All elements with their attributes; `open` are those that nobody closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_there_are_some() -> None:
    assert {"daily", "weekly"} <= set(KINDS)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_facts=facts)
def test_the_same_facts_give_the_same_report_and_each_figure_counts_its_rows(
    kind: str, given_facts: history.Facts
) -> None:
    module = reports.registry()[kind]
    found = module.build(given_facts, WEEK)
    assert found == module.build(given_facts, WEEK)
    assert Content.model_validate_json(found.model_dump_json()) == found
    keys = [each.key for each in found.figures]
    assert len(keys) == len(set(keys))
    for figure in found.figures:
        if figure.unit == "count":
            assert figure.value == len(figure.rows) + figure.more
        if figure.unit == "share" and figure.value is not None:
            assert 0 <= figure.value <= 1
    for table in (found.failures, *found.tables):
        assert all(len(row) == len(table.columns) for row in table.rows)
        assert table.kind == "none" or len(table.links) == len(table.rows)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_facts=facts)
def test_the_page_needs_nothing_from_elsewhere_and_holds_no_script(
    kind: str, given_facts: history.Facts
) -> None:
    made = _page.html(reports.registry()[kind].build(given_facts, WEEK), HEAD)
    tags = Tags(made)
    assert tags.open == []
    kinds = {tag for tag, _ in tags.found}
    assert not {"script", "img", "iframe", "object", "link", "form"} & kinds
    for tag, attributes in tags.found:
        assert not any(name.startswith("on") for name in attributes), tag
        address = attributes.get("href") or attributes.get("src") or "http://t.test"
        assert address.startswith("http://t.test"), address
        if tag == "svg":
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
    assert "url(" not in made
    assert "prefers-color-scheme:dark" in made


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(given_facts=facts)
def test_no_cell_becomes_a_formula(kind: str, given_facts: history.Facts) -> None:
    content = reports.registry()[kind].build(given_facts, WEEK)
    made = _sheet.csv_of(content, "en")
    read = list(csv.reader(io.StringIO(made, newline="")))
    for line in read:
        for cell in line:
            number = re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", cell)
            assert number or not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\0"))
    assert [line[0] for line in read[1 : len(content.figures) + 1]] == [
        figure.key for figure in content.figures
    ]


def test_what_we_failed_to_do_comes_before_everything_else(kind: str) -> None:
    failure = history.Failure("1", "Disk", "slack #db", "dead", T0, T0, "channel_not_found")
    content = reports.registry()[kind].build(history.Facts(failures=(failure,)), WEEK)
    assert [each.key for each in content.figures[:2]] == ["dead", "late"]
    assert content.figures[0].value == 1
    made = _page.html(content, HEAD)
    assert made.index("channel_not_found") < made.index("Incidents")
    text = _page.text(content, HEAD)
    assert text.index("channel_not_found") < text.index("Incidents")


def test_nothing_happened_is_a_report_too(kind: str) -> None:
    content = reports.registry()[kind].build(EMPTY, WEEK)
    made = _page.html(content, HEAD)
    assert i18n.say("report.ours_none") in made
    assert {figure.value for figure in content.figures if figure.unit != "count"} == {None}
    assert "<svg" not in made
    assert made.count(i18n.say("report.quiet")) == len(content.charts)
    assert "none" in _page.text(content, HEAD)


def test_every_word_is_in_the_catalogue_with_what_it_means(kind: str) -> None:
    module = reports.registry()[kind]
    assert module.CADENCE in ("daily", "weekly", "monthly")
    assert reporting.title(kind) != f"report.title_{kind}"
    content = module.build(EMPTY, WEEK)
    wanted = [f"report.title_{kind}"]
    for figure in content.figures:
        wanted += [f"report.figure_{figure.key}", f"report.means_{figure.key}"]
    for table in (content.failures, *content.tables):
        wanted += [f"report.table_{table.key}"]
        wanted += [f"report.column_{column.key}" for column in table.columns]
    wanted += [f"report.chart_{chart.key}" for chart in content.charts]
    assert [key for key in wanted if not i18n.knows(key)] == []


def test_a_letter_stays_small_enough_for_mail_programs(kind: str) -> None:
    many = history.Facts(
        failures=tuple(history.Failure(str(n), HOSTILE, "there", "dead", T0, T0, HOSTILE)
                       for n in range(500)),
        alerts=tuple(history.Alerts(HOSTILE + str(n), 5, 5, 5, 1, False) for n in range(500)),
    )  # fmt: skip
    made = _page.html(reports.registry()[kind].build(many, WEEK), HEAD)
    assert len(made.encode()) < 100_000
