"""`tocsin delivery`: what was sent where, what failed, and once more. Works over the API."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Deliveries: what was sent where, and dead letters.", no_args_is_help=True)
COLUMNS = ("id", "state", "channel", "destination", "attempts", "created_at", "sentence")
FIELDS = ("id", "state", "sentence", "channel", "destination", "integration", "incident_id",
          "attempts", "in_doubt", "due_at", "created_at", "finished_at")  # fmt: skip
ATTEMPTS = ("attempt", "started_at", "outcome", "reason", "status_code", "error")


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="delivery")


@nouns.command("list")
def list_(
    state: Annotated[
        list[str] | None,
        typer.Option(help="pending, sending, sent, dead or superseded; may be repeated."),
    ] = None,
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show deliveries, newest first. The dead letters: --state dead."""
    found = _client.Client(url, token, home).listed("/deliveries", limit, state=state or [])
    _output.rows(found, COLUMNS, output)


@nouns.command("show")
def show(
    delivery: Annotated[str, typer.Argument(help="As in `delivery list`.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show a delivery and every attempt."""
    found = _client.Client(url, token, home).get(f"/deliveries/{_client.segment(delivery)}")
    _output.one(found, FIELDS, output)
    if output is _options.Format.table:
        print()
        _output.rows(found["history"], ATTEMPTS, output)


@nouns.command("retry")
def retry(
    deliveries: Annotated[list[str], typer.Argument(help="One or more that are dead.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Take up dead letters again, each under its old idempotency key."""
    client = _client.Client(url, token, home)
    for delivery in deliveries:
        done = client.post(f"/deliveries/{_client.segment(delivery)}/retry")
        print(f"{done['id']}  {done['state']}")
