"""`tocsin silence`: what shall not be told for a while. Works over the API."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Silences: what shall not be told for a while.", no_args_is_help=True)
COLUMNS = ("id", "state", "ends_at", "created_by", "matchers", "comment")


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="silence")


@nouns.command("add")
def add(
    matchers: Annotated[
        list[str], typer.Argument(help="Such as alertname=DiskFull 'instance=~db-.*'; all hold.")
    ],
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why; the next one will ask.")],
    duration: Annotated[str, typer.Option("--duration", "-d", help="Such as 30m, 2h, 1d12h.")] = "",
    start: Annotated[str, typer.Option(help="RFC 3339 with zone. Default: now.")] = "",
    end: Annotated[str, typer.Option(help="RFC 3339 with zone, instead of --duration.")] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Keep alerts quiet that match all matchers; prints the id."""
    given = {"starts_at": start, "ends_at": end, "duration": duration}
    chosen = {name: value for name, value in given.items() if value}
    body = {"matchers": matchers, "comment": comment, **chosen}
    made = _client.Client(url, token, home).post("/silences", body)
    print(made["id"])
    _output.say(f"{made['state']}, ends at {made['ends_at']}")


@nouns.command("list")
def list_(
    state: Annotated[str, typer.Option(help="active, pending, expired or all.")] = "active",
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show silences, newest first."""
    found = _client.Client(url, token, home).listed("/silences", limit, state=state)
    _output.rows(found, COLUMNS, output)


@nouns.command("expire")
def expire(
    silences: Annotated[list[str], typer.Argument(help="One or more, as in `silence list`.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """End silences now. Twice is harmless."""
    client = _client.Client(url, token, home)
    for silence in silences:
        done = client.delete(f"/silences/{_client.segment(silence)}")
        print(f"{done['id']}  {done['state']}")
