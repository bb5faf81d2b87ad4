"""A report as a page and as a letter: HTML that needs nothing from elsewhere, and plain text.

Mail programs drop what they do not know: `svg` and `style` may be gone, so that colours stand in
each element and the values of each chart stand below it as text.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from scheduler.reports import _words
from schemas import report
from tocsin import i18n

_TEMPLATE = Path(__file__).with_name("_page.html.j2")
#: A chart in units of its own: it grows and shrinks with the page.
WIDTH, HEIGHT, FOOT = 320, 110, 14


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above and below: `notes` are sentences, `base` is where the report is."""

    title: str
    period: str
    notes: tuple[str, ...]
    base: str
    public_url: str
    locale: str = "en"


def html(content: report.Content, head: Head) -> str:
    """The whole page. All that came from others is escaped."""
    return _template().render(head=head, **_view(content, head))


def text(content: report.Content, head: Head) -> str:
    """The same for those who read plain text; the tables are on the page."""
    view = _view(content, head)
    lines = [head.title, head.period, "", view["ours"], "-" * len(view["ours"])]
    lines += ["  ".join(row["cells"]) for row in view["failures"]["rows"]] or [view["ours_none"]]
    lines += ["", view["heading"], "-" * len(view["heading"])]
    lines += [f"{figure['name']}: {figure['value']}" for figure in view["figures"]]
    return "\n".join([*lines, "", "-- ", *head.notes]) + "\n"


def _view(content: report.Content, head: Head) -> dict[str, Any]:
    locale = head.locale
    return {
        "ours": i18n.say("report.ours", locale),
        "ours_none": i18n.say("report.ours_none", locale),
        "heading": i18n.say("report.figures", locale),
        "nothing": i18n.say("report.nothing", locale),
        "quiet": i18n.say("report.quiet", locale),
        "rows_word": i18n.say("report.rows", locale),
        "failures": _table(content.failures, head),
        "figures": [_figure(each, head) for each in content.figures],
        "charts": [_chart(each, locale) for each in content.charts],
        "tables": [_table(each, head) for each in content.tables],
        "width": WIDTH, "height": HEIGHT,
    }  # fmt: skip


def _figure(figure: report.Figure, head: Head) -> dict[str, str]:
    behind = f"{head.base}/rows?figure={figure.key}" if figure.rows else ""
    return {
        "name": i18n.say(f"report.figure_{figure.key}", head.locale),
        "means": i18n.say(f"report.means_{figure.key}", head.locale),
        "value": _words.value(figure.value, figure.unit, head.locale),
        "url": behind,
    }


def _table(table: report.Table, head: Head) -> dict[str, Any]:
    where = f"{head.public_url}/api/v1/{table.kind}/"
    leads = table.kind in ("incidents", "deliveries")
    return {
        "name": i18n.say(f"report.table_{table.key}", head.locale),
        "columns": [i18n.say(f"report.column_{each.key}", head.locale) for each in table.columns],
        "rows": [
            {
                "url": where + table.links[number] if leads else "",
                "cells": [
                    _words.value(cell, column.unit, head.locale)
                    for cell, column in zip(row, table.columns, strict=True)
                ],
            }
            for number, row in enumerate(table.rows)
        ],
    }


def _chart(chart: report.Chart, locale: str) -> dict[str, Any]:
    most = max((point.value for point in chart.points), default=0) or 1
    step = WIDTH / max(1, len(chart.points))
    bars = []
    # Bars of no height are a line that says nothing: then words say that nothing happened.
    for number, point in enumerate(chart.points if any(p.value for p in chart.points) else ()):
        tall = round((HEIGHT - FOOT) * point.value / most, 1)
        bars.append({
            "x": round(number * step + step * 0.1, 1), "y": round(HEIGHT - FOOT - tall, 1),
            "width": round(step * 0.8, 1), "height": tall,
        })  # fmt: skip
    name = i18n.say(f"report.chart_{chart.key}", locale)
    values = [(point.label, _words.value(point.value, chart.unit, locale))
              for point in chart.points]  # fmt: skip
    said = ", ".join(f"{label} {value}" for label, value in values)
    return {
        "name": name, "bars": bars, "points": values,
        "text": i18n.say("report.chart_text", locale, name=name, values=said),
    }  # fmt: skip


@functools.cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
