"""`tocsin storm`: so many new alerts that they are told together. Works over the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Storms: very many new alerts at once.", no_args_is_help=True)
COLUMNS = ("id", "state", "began_at", "ended_at", "incident_state", "acknowledged_by",
           "title")  # fmt: skip
FIELDS = ("id", "state", "title", "began_at", "ended_at", "ended_by", "due_at", "alerts", "folded",
          "groups", "passed", "incident_id", "incident_state", "severity",
          "acknowledged_by")  # fmt: skip
SHARES = ("share", "alerts", "name", "value")
GROUPS = ("id", "firing", "receiver", "labels", "incident_id", "sentence")
TOLD = ("receiver", "groups", "folded", "times", "told_at")
Id = Annotated[str, typer.Argument(help="As in `storm list`.")]


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="storm")


@nouns.command("list")
def list_(
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show storms, newest first."""
    _output.rows(_client.Client(url, token, home).listed("/storms", limit), COLUMNS, output)


@nouns.command("show")
def show(
    storm: Id,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show what a storm shares, its groups, and who heard of it."""
    found = _client.Client(url, token, home).get(f"/storms/{_client.segment(storm)}")
    _output.one(found, FIELDS, output)
    if output is _options.Format.table:
        shares = [{**each, "share": f"{each['share']:.0%}"} for each in found["shares"][:10]]
        for rows, columns in ((shares, SHARES), (found["group_list"], GROUPS),
                              (found["told"], TOLD)):  # fmt: skip
            print()
            _output.rows(rows, columns, output)


@nouns.command("ack")
def ack(
    storm: Id,
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Say that you have all of it, what passed beside it included. Twice is harmless."""
    _do(_client.Client(url, token, home), storm, "ack", {}, note)


@nouns.command("end")
def end(
    storm: Id,
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Say that it is over: what still fires of it is told now. Twice is harmless."""
    _do(_client.Client(url, token, home), storm, "end", {}, note)


@nouns.command("promote")
def promote(
    storm: Id,
    group: Annotated[str, typer.Argument(help="As in `storm show`.")],
    note: _options.Note = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Take a group out: it becomes an incident of its own and pages. Twice is harmless."""
    _do(_client.Client(url, token, home), storm, "promote", {"group": group}, note)


def _do(
    client: _client.Client, storm: str, act: str, body: dict[str, Any], note: str
) -> None:  # fmt: skip
    said = {**body, **({"note": note} if note else {})}
    done = client.post(f"/storms/{_client.segment(storm)}/{act}", said or None)
    _output.line(f"{done['id']}  {done['state']}  {done['title']}")
