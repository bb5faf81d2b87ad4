"""A table in the policy, as CSV or as rows: from some labels to other labels and to facts."""

from __future__ import annotations

import csv
import io

from pydantic import Field, model_validator

from tocsin.domain import enrichers

MAX_ROWS = 50_000
#: A cell longer than this is a mistake in the quotes.
_CELL = 8192


class Settings(enrichers.EnricherSettings):
    """The first row whose key columns have exactly the values of the labels decides.

    Where neither labels nor facts are named, all other columns are facts.
    """

    key: enrichers.Labels = Field(
        description="The label that each key column holds; a list where both have the same name."
    )
    csv: str | None = Field(None, description="The table; its first line names the columns.")
    rows: list[dict[str, str]] | None = Field(None, description="The table as a list of rows.")
    labels: enrichers.Labels = Field({}, description="Of each label the column.")
    facts: enrichers.Facts = Field({}, description="Of each fact the column.")

    @model_validator(mode="after")
    def _table(self) -> Settings:
        if (self.csv is None) == (self.rows is None):
            raise ValueError("give the table as one of `csv` and `rows`")
        if not self.key:
            raise ValueError("`key` names no column")
        columns, _ = _read(self)
        for column in (*self.key, *self.labels.values(), *self.facts.values()):
            if column not in columns:
                raise ValueError(
                    f"the table has no column `{column[:100]}`: there is "
                    + ", ".join(f"`{each[:100]}`" for each in columns[:20])
                )
        return self


def prepare(settings: Settings, world: enrichers.World) -> enrichers.Enricher:
    columns, rows = _read(settings)
    wanted, facts = settings.labels, settings.facts
    if not wanted and not facts:
        others = (column for column in columns if column not in settings.key)
        facts = {column: column for column in others if not column.startswith("_")}
    index: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        index.setdefault(tuple(row.get(column, "") for column in settings.key), row)
    ask = tuple(settings.key.values())

    def lookup(known: enrichers.Known) -> enrichers.Given:
        row = index.get(tuple(known.labels.get(label, "") for label in ask))
        if row is None:
            return enrichers.Given()
        return enrichers.Given(_taken(wanted, row), _taken(facts, row))

    return lookup


def _taken(wanted: dict[str, str], row: dict[str, str]) -> dict[str, str]:
    return {name: row[column] for name, column in wanted.items() if row.get(column)}


def _read(settings: Settings) -> tuple[list[str], list[dict[str, str]]]:
    """The columns in their order, and the rows. Raises ValueError that names the row."""
    if settings.csv is not None:
        return _csv(settings.csv)
    rows = settings.rows or []
    _few(len(rows))
    return list(dict.fromkeys(column for row in rows for column in row)), rows


def _csv(text: str) -> tuple[list[str], list[dict[str, str]]]:
    reader = csv.reader(io.StringIO(text), strict=True, skipinitialspace=True)
    columns: list[str] = []
    rows: list[dict[str, str]] = []
    try:
        for cells in reader:
            values = [cell.strip() for cell in cells]
            if not any(values):
                continue
            if not columns:
                columns = _header(values)
                continue
            if len(values) != len(columns):
                raise ValueError(
                    f"line {reader.line_num} of the table has {len(values)} values for"
                    f" {len(columns)} columns: put a value with a comma into double quotes"
                )
            if max(map(len, values)) > _CELL:
                raise ValueError(f"line {reader.line_num} of the table has too long a value")
            _few(len(rows))
            rows.append(dict(zip(columns, values, strict=True)))
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num} of the table: {error}") from None
    if not rows:
        raise ValueError("the table has no rows: below `csv: |` stand the columns, then the rows")
    return columns, rows


def _header(values: list[str]) -> list[str]:
    if not all(values) or len(set(values)) < len(values):
        raise ValueError("each column of the table needs a name of its own in the first line")
    return values


def _few(rows: int) -> None:
    if rows > MAX_ROWS:
        raise ValueError(f"the table has more than {MAX_ROWS:,} rows: use an `http` step")
