"""`tocsin alert`: what fires, and what became of it. Works over the API."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Alerts: what fires, and what became of it.", no_args_is_help=True)
COLUMNS = ("fingerprint", "status", "severity", "starts_at", "count", "silenced_by", "labels")
EVENTS = ("received_at", "kind", "outcome", "sentence")
FIELDS = ("fingerprint", "status", "severity", "labels", "annotations", "extra", "source",
          "starts_at", "ends_at", "last_seen", "count", "silenced_by",
          "muted_by")  # fmt: skip


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="alert")


@nouns.command("list")
def list_(
    matchers: Annotated[
        list[str] | None, typer.Argument(help="Such as severity=critical 'instance=~db-.*'.")
    ] = None,
    status: Annotated[str, typer.Option(help="firing or resolved.")] = "",
    severity: Annotated[str, typer.Option(help="critical, error, warning, info or none.")] = "",
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the alerts that match all matchers, those that started last first."""
    chosen = {"status": status, "severity": severity}
    params = {"filter": matchers or [], **{k: v for k, v in chosen.items() if v}}
    found = _client.Client(url, token, home).listed("/alerts", limit, **params)
    _output.rows(found, COLUMNS, output)


@nouns.command("show")
def show(
    fingerprint: Annotated[str, typer.Argument(help="As in `alert list`.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show an alert, its changes, and how each of them ended."""
    client = _client.Client(url, token, home)
    found = client.get(f"/alerts/{_client.segment(fingerprint)}")
    _output.one(found, FIELDS, output)
    if output is _options.Format.table:
        print()
        _output.rows(found["events"], EVENTS, output)
