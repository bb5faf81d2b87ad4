"""`tocsin model`: what scores alerts by how unusual they are. Works over the API."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from tocsin import i18n
from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Models: what scores alerts by how unusual they are.",
                    no_args_is_help=True)  # fmt: skip
COLUMNS = ("version", "active", "detector", "trained_at", "rows", "feedback", "bytes")
STATE = ("enabled", "detector", "threshold", "active", "train_at", "problem")


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="model")


@nouns.command("list")
def list_(
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the versions that are kept, newest first."""
    found = _client.Client(url, token, home).get("/models")
    _output.rows(found["models"], COLUMNS, output)
    _advise(found)


@nouns.command("show")
def show(
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show what scores alerts now, when it is trained next, and what was wrong last time."""
    found = _client.Client(url, token, home).get("/models")
    _output.one(found, STATE, output)
    _advise(found)


@nouns.command("train")
def train(
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Have a new version trained now; it is put in use when it is made."""
    _output.one(_client.Client(url, token, home).post("/models/train", {}), STATE, output)


@nouns.command("rollback")
def rollback(
    version: Annotated[int, typer.Argument(help="As in `model list`.")],
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Score with an older version again, until the next training makes a new one."""
    client = _client.Client(url, token, home)
    _output.one(client.post("/models/rollback", {"version": version}), STATE, output)


def _advise(found: dict[str, Any]) -> None:
    """Without a model nothing is scored: say so, and what to do."""
    if found["active"] is not None:
        return
    if found["enabled"]:
        _output.say(i18n.say("scoring.no_model"))
    else:
        _output.say(i18n.say("scoring.not_enabled"))
