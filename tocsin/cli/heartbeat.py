"""`tocsin heartbeat`: what must be heard again and again. Works over the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Heartbeats: what must be heard again and again.", no_args_is_help=True)
COLUMNS = ("name", "state", "last_at", "last_from", "expected_at", "url")
SHOWN = (
    "name", "state", "cause", "sentence", "running", "pings", "last_at", "last_kind", "last_status",
    "last_from", "last_agent", "took_seconds", "expected_at", "due_at", "paused_by", "url",
    "message",
)  # fmt: skip

Name = Annotated[str, typer.Argument(help="As in the policy.")]


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="heartbeat")


@nouns.command("list")
def list_(
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show all of them, with the addresses to ping where the token may respond."""
    found = _client.Client(url, token, home).get("/heartbeats")["items"]
    _output.rows(found, COLUMNS, output)


@nouns.command("show")
def show(
    name: Name,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show one: its address, what was heard last, and what is expected."""
    found = _client.Client(url, token, home).get(f"/heartbeats/{_client.segment(name)}")
    _output.one(found, SHOWN, output)


@nouns.command("ping")
def ping(
    name: Name,
    kind: Annotated[str, typer.Option(help="success, start or fail.")] = "success",
    status: Annotated[int, typer.Option(min=0, max=255, help="The exit status of the job.")] = 0,
    message: Annotated[str, typer.Option("--message", "-m", help="What the job says.")] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Give a sign of life, to try it or by hand. A job calls its address, without a token."""
    body: dict[str, Any] = {"kind": kind}
    body |= {"status": status} if status else {}
    body |= {"message": message} if message else {}
    _act(_client.Client(url, token, home), name, "ping", output, body)


@nouns.command("pause")
def pause(
    name: Name,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Expect nothing of it until it is resumed."""
    _act(_client.Client(url, token, home), name, "pause", output)


@nouns.command("resume")
def resume(
    name: Name,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Expect it again, as if it had just been heard."""
    _act(_client.Client(url, token, home), name, "resume", output)


@nouns.command("rotate")
def rotate(
    name: Name,
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Give it another address. The old one stops to work at once."""
    _act(_client.Client(url, token, home), name, "rotate", output)


def _act(
    client: _client.Client, name: str, what: str, output: _options.Format,
    body: dict[str, Any] | None = None,
) -> None:  # fmt: skip
    done = client.post(f"/heartbeats/{_client.segment(name)}/{what}", body or {})
    _output.one(done, SHOWN, output)
