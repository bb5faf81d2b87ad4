"""`tocsin delivery`: what was sent where, what failed, and once more. Works over the API."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _asking, _client, _options, _output

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
        typer.Option(help="pending, sending, sent, dead, superseded or dropped; may be repeated."),
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


Standing = Annotated[
    str, typer.Option("--standing", help="Where they stand: dead, retrying or queued.")
]
Channel = Annotated[str, typer.Option("--channel", help="Only this channel.")]
Destination = Annotated[str, typer.Option("--destination", help="Only places with this in them.")]
Error = Annotated[str, typer.Option("--error", help="Only causes with this in them.")]
All = Annotated[bool, typer.Option("--all", help="All that fit the filters instead of ids.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only count.")]
Ids = Annotated[list[str] | None, typer.Argument(help="As in `delivery list`, or --all.")]


@nouns.command("retry")
def retry(
    deliveries: Ids = None,
    every: All = False,
    standing: Standing = "dead",
    channel: Channel = "",
    destination: Destination = "",
    error: Error = "",
    dry_run: DryRun = False,
    yes: _asking.Yes = False,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Take up dead letters again, each under its old idempotency key.

    With --all what fits the filters; it is counted first and asked about.
    """
    client = _client.Client(url, token, home)
    if not every and not dry_run:
        for delivery in deliveries or _none():
            done = client.post(f"/deliveries/{_client.segment(delivery)}/retry")
            print(f"{done['id']}  {done['state']}")
        return
    chosen = _chosen(deliveries, every, standing, (channel, destination, error))
    _bulk(client, "retry", {"filter": chosen}, dry_run=dry_run, yes=yes)


@nouns.command("drop")
def drop(
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever asks later.")],
    deliveries: Ids = None,
    every: All = False,
    standing: Standing = "dead",
    channel: Channel = "",
    destination: Destination = "",
    error: Error = "",
    dry_run: DryRun = False,
    yes: _asking.Yes = False,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Give deliveries up for good; counted first and asked about."""
    client = _client.Client(url, token, home)
    chosen = _chosen(deliveries, every, standing, (channel, destination, error))
    _bulk(client, "drop", {"filter": chosen, "reason": reason}, dry_run=dry_run, yes=yes)


@nouns.command("summary")
def summary(
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """How many deliveries stand where; what is over counts for a day."""
    found = _client.Client(url, token, home).get("/deliveries/summary")
    _output.one(found, tuple(found), output)


def _bulk(
    client: _client.Client, act: str, body: dict[str, Any], *, dry_run: bool, yes: bool
) -> None:
    """Count, ask, and do just what was counted."""
    counted = client.post(f"/deliveries/{act}", {**body, "dry_run": True})
    _output.say(counted["sentence"])
    if dry_run or not counted["can"]:
        return
    if not yes:
        if not sys.stdin.isatty():
            raise errors.BadRequest("look at the count, and give --yes if that is what you want")
        typer.confirm("Do it?", abort=True, err=True)
    done = client.post(f"/deliveries/{act}", {**body, "confirm": counted["confirm"]})
    _output.say(done["sentence"])


def _chosen(
    ids: list[str] | None, every: bool, standing: str, texts: tuple[str, str, str]
) -> dict[str, Any]:
    names = ("channel", "destination", "error")
    given = {name: text for name, text in zip(names, texts, strict=True) if text}
    if bool(ids) == every:
        _none()
    return {"standing": standing, **given, **({} if every else {"ids": ids})}


def _none() -> list[str]:
    raise errors.BadRequest("give ids, or --all with filters such as --channel sms")
