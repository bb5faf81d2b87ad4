"""`tocsin report`: service levels, digests, and what they were made from. Works over the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from schemas import report
from tocsin import errors
from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Reports: make one, and read those that there are.", no_args_is_help=True)
COLUMNS = ("id", "kind", "schedule", "starts_at", "ends_at", "zone", "created_at")
FIELDS = ("id", "title", "kind", "schedule", "starts_at", "ends_at", "zone", "policy_version",
          "created_at")  # fmt: skip
#: The key is what --rows takes.
FIGURES = ("figure", "value", "key")
LETTERS = ("address", "state", "attempts", "cause", "finished_at")
PATH = "/analytics/reports"


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="report")


@nouns.command("run")
def run(
    kind: Annotated[str, typer.Argument(help="Such as weekly or daily.")],
    period: Annotated[
        str, typer.Option(help="last-week, this-month, ..., or 2026-11-01/2026-11-08.")
    ] = "",
    zone: Annotated[str, typer.Option(help="Where its days begin.")] = "UTC",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Make a report now; it is kept, and sent to nobody. Needs a token that may do all."""
    body: dict[str, Any] = {"kind": kind, "zone": zone}
    if period:
        body["period"] = period
    _show(_client.Client(url, token, home).post(PATH, body), output)


@nouns.command("list")
def list_(
    kind: Annotated[str, typer.Option(help="Only of this kind.")] = "",
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the reports that were made, newest first."""
    chosen = {"kind": kind} if kind else {}
    found = _client.Client(url, token, home).listed(PATH, limit, **chosen)
    _output.rows(found, COLUMNS, output)


@nouns.command("show")
def show(
    made: Annotated[str, typer.Argument(metavar="REPORT", help="As in `report list`.")],
    csv: Annotated[Path | None, typer.Option(help="Write it to this file as CSV.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write it to this file as a page.")] = None,
    rows: Annotated[str, typer.Option(help="Show what this figure was counted from.")] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show a report: its figures, what we failed to do, and to whom it went."""
    client, path = _client.Client(url, token, home), f"{PATH}/{_client.segment(made)}"
    files = {"csv": csv, "html": html}
    for form, file in files.items():
        if file is not None:
            _keep(file, client.text(f"{path}.{form}"))
    if rows:
        _output.rows(client.get(f"{path}/rows", figure=rows)["items"], ("id", "url"), output)
    elif not any(files.values()):
        _show(client.get(path), output)


def _show(found: dict[str, Any], output: _options.Format) -> None:
    _output.one(found, FIELDS, output)
    if output is not _options.Format.table:
        return
    from scheduler import reporting

    content = report.Content.model_validate(found["content"])
    print()
    figures = [dict(zip(FIGURES, each, strict=True)) for each in reporting.figures(content)]
    _output.rows(figures, FIGURES, output)
    for name, columns, lines in reporting.tables(content):
        print(f"\n{name}")
        _output.rows([dict(zip(columns, line, strict=True)) for line in lines], columns, output)
    if found["letters"]:
        print()
        _output.rows(found["letters"], LETTERS, output)


def _keep(file: Path, text: str) -> None:
    try:
        # As it came: CSV ends its lines with CR and LF.
        file.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise errors.SetupError(f"{file} cannot be written: {error.strerror}") from error
    _output.say(f"written to {file}")
