"""`tocsin maintenance`: planned work, during which nobody is told. Works over the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tocsin.cli import _asking, _client, _options, _output

nouns = typer.Typer(
    help="Maintenance windows: planned work that nobody is told of.", no_args_is_help=True
)
COLUMNS = ("id", "name", "state", "starts_at", "ends_at", "created_by", "holds", "matchers",
           "comment")  # fmt: skip


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="maintenance")


@nouns.command("add")
def add(
    name: Annotated[str, typer.Argument(help='What people will read: "Database upgrade".')],
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why, and who does it.")],
    matchers: Annotated[
        list[str] | None, typer.Option("--matcher", "-m", help="Such as cluster=eu; all hold.")
    ] = None,
    services: Annotated[
        list[str] | None, typer.Option("--service", "-s", help="A value of the label service.")
    ] = None,
    duration: Annotated[str, typer.Option("--duration", "-d", help="Such as 30m, 2h, 1d12h.")] = "",
    start: Annotated[str, typer.Option(help="RFC 3339 with zone. Default: now.")] = "",
    end: Annotated[str, typer.Option(help="RFC 3339 with zone, instead of --duration.")] = "",
    override: _asking.Override = False,
    yes: _asking.Yes = False,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Mute what matches, or what belongs to the services, for planned work; prints the id.

    Shows what it hits as things are now, and asks where that is critical or much.
    """
    given = {"starts_at": start, "ends_at": end, "duration": duration}
    body: dict[str, Any] = {"name": name, "comment": comment, "override": override}
    body |= {"matchers": matchers or [], "services": services or []}
    body |= {name: value for name, value in given.items() if value}
    client = _client.Client(url, token, home)
    if not yes:
        _asking.ask(client.post("/maintenance/preview", body))
    made = client.post("/maintenance", body)
    print(made["id"])
    _output.say(f"{made['state']}, from {made['starts_at']} to {made['ends_at']}")


@nouns.command("list")
def list_(
    state: Annotated[str, typer.Option(help="active, pending, expired or all.")] = "all",
    limit: _options.Limit = 50,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show maintenance windows, newest first."""
    found = _client.Client(url, token, home).listed("/maintenance", limit, state=state)
    _output.rows(found, COLUMNS, output)


@nouns.command("end")
def end_(
    windows: Annotated[list[str], typer.Argument(help="One or more, as in `maintenance list`.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """End windows now, or call them off before they begin. What still fires is told."""
    client = _client.Client(url, token, home)
    for window in windows:
        done = client.delete(f"/maintenance/{_client.segment(window)}")
        print(f"{done['id']}  {done['state']}")
