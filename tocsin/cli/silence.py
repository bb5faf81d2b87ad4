"""`tocsin silence`: what shall not be told for a while. Works over the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _asking, _client, _options, _output

nouns = typer.Typer(help="Silences: what shall not be told for a while.", no_args_is_help=True)
COLUMNS = ("id", "state", "ends_at", "created_by", "holds", "matchers", "comment")
FIELDS = ("id", "state", "matchers", "starts_at", "ends_at", "until_resolved", "holds", "comment",
          "overridden", "created_by", "created_at", "updated_by", "updated_at",
          "ended_by")  # fmt: skip
REACH = ("matchers", "starts_at", "ends_at", "firing", "in_all", "critical", "last_day")
SAMPLE = ("fingerprint", "severity", "starts_at", "labels")

Matchers = Annotated[
    list[str], typer.Argument(help="Such as alertname=DiskFull 'instance=~db-.*'; all hold.")
]
Duration = Annotated[str, typer.Option("--duration", "-d", help="Such as 30m, 2h, 1d12h.")]
Start = Annotated[str, typer.Option(help="RFC 3339 with zone. Default: now.")]
End = Annotated[str, typer.Option(help="RFC 3339 with zone, instead of --duration.")]
UntilResolved = Annotated[
    bool, typer.Option("--until-resolved", help="End it sooner if all that it held is over.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="silence")


@nouns.command("add")
def add(
    matchers: Matchers,
    comment: Annotated[str, typer.Option("--comment", "-c", help="Why; the next one will ask.")],
    duration: Duration = "",
    start: Start = "",
    end: End = "",
    until_resolved: UntilResolved = False,
    override: _asking.Override = False,
    yes: _asking.Yes = False,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Keep alerts quiet that match all matchers; prints the id.

    Shows what it hits first, and asks where that is critical or much.
    """
    given = {"starts_at": start, "ends_at": end, "duration": duration}
    body: dict[str, Any] = {"matchers": matchers, "comment": comment, **_given(given)}
    body |= {"until_resolved": until_resolved, "override": override}
    client = _client.Client(url, token, home)
    if not yes:
        _asking.ask(client.post("/silences/preview", body))
    made = client.post("/silences", body)
    print(made["id"])
    _output.say(f"{made['state']}, ends at {made['ends_at']}")


@nouns.command("preview")
def preview(
    matchers: Matchers,
    duration: Duration = "1h",
    start: Start = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show what such a silence would keep quiet, now and in the last day. Makes nothing."""
    body = {"matchers": matchers, "comment": "preview", "duration": duration}
    body |= _given({"starts_at": start})
    found = _client.Client(url, token, home).post("/silences/preview", body)
    if output is not _options.Format.table:
        _output.document(found, output)
        return
    _output.one(found, REACH, output)
    print()
    _output.rows(found["samples"], SAMPLE, output)
    _asking.warn(found)


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


@nouns.command("show")
def show(
    silence: Annotated[str, typer.Argument(help="As in `silence list`.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show one silence: who made it, why, until when, and how much it holds back."""
    found = _client.Client(url, token, home).get(f"/silences/{_client.segment(silence)}")
    _output.one(found, FIELDS, output)


@nouns.command("edit")
def edit(
    silence: Annotated[str, typer.Argument(help="As in `silence list`.")],
    matchers: Annotated[
        list[str] | None, typer.Argument(help="Instead of all that it has. Default: as they are.")
    ] = None,
    comment: Annotated[str, typer.Option("--comment", "-c", help="Default: as it is.")] = "",
    duration: Duration = "",
    end: End = "",
    override: _asking.Override = False,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """Change a silence; --duration counts from its start. What it lets go is told at once."""
    client, path = _client.Client(url, token, home), f"/silences/{_client.segment(silence)}"
    was = client.get(path)
    span = _given({"duration": duration, "ends_at": end}) or {"ends_at": was["ends_at"]}
    body: dict[str, Any] = {
        "matchers": matchers or was["matchers"], "comment": comment or was["comment"],
        "until_resolved": was["until_resolved"], "override": override, **span,
    }  # fmt: skip
    done = client.put(path, body, if_match=was["version"])
    print(done["id"])
    _output.say(f"{done['state']}, ends at {done['ends_at']}")


@nouns.command("expire")
def expire(
    silences: Annotated[
        list[str] | None, typer.Argument(help="One or more, as in `silence list`.")
    ] = None,
    author: Annotated[str, typer.Option(help="All of this author.")] = "",
    matcher: Annotated[str, typer.Option(help="All with this matcher.")] = "",
    comment: Annotated[str, typer.Option(help="All with this text in their comment.")] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
) -> None:
    """End silences now, by id or by what they have in common. Twice is harmless."""
    body: dict[str, Any] = _given({"author": author, "matcher": matcher, "comment": comment})
    if silences:
        body["ids"] = silences
    client, more = _client.Client(url, token, home), True
    while more:
        done = client.post("/silences/expire", body)
        for each in done["items"]:
            print(f"{each['id']}  {each['state']}")
        if done["unknown"]:
            raise errors.NotFound(f"there is no silence {', '.join(done['unknown'])}")
        more = done["more"]


def _given(options: dict[str, str]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value}
