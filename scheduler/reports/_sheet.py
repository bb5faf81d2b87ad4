"""A report as CSV (RFC 4180), which spreadsheets open: no cell of others' becomes a formula."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from schemas import report
from tocsin import i18n

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")

Line = list[report.Cell]


def csv_of(content: report.Content, locale: str) -> str:
    """Figures first, then each table and chart below a line with its name; times in seconds."""
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator="\r\n")
    for line in _lines(content, locale):
        writer.writerow([_cell(each) for each in line])
    return written.getvalue()


def _lines(content: report.Content, locale: str) -> Iterator[Line]:
    yield ["figure", "value", "unit", "name", "how it is counted"]
    for figure in content.figures:
        yield [
            figure.key, figure.value, figure.unit,
            i18n.say(f"report.figure_{figure.key}", locale),
            i18n.say(f"report.means_{figure.key}", locale),
        ]  # fmt: skip
    for table in (content.failures, *content.tables):
        yield []
        yield [i18n.say(f"report.table_{table.key}", locale)]
        yield [column.key for column in table.columns]
        yield from table.rows
    for chart in content.charts:
        yield []
        yield [i18n.say(f"report.chart_{chart.key}", locale)]
        for point in chart.points:
            yield [point.label, point.value]


def _cell(value: report.Cell) -> report.Cell:
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
