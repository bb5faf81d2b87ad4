"""`tocsin template`: how messages are worded. Works over the API."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _client, _options, _output

nouns = typer.Typer(help="Templates: how messages are worded.", no_args_is_help=True)
COLUMNS = ("name", "channel", "type", "receivers", "parts", "line")


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="template")


@nouns.command("list")
def list_(
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the templates of the policy in force."""
    found = _client.Client(url, token, home).get("/templates")["items"]
    _output.rows(found, COLUMNS, output)


@nouns.command("preview")
def preview(
    channel: Annotated[str, typer.Option("--channel", "-c", help="Such as slack.")],
    type: Annotated[str, typer.Option(help="first, resolved, ... Default: first.")] = "",
    name: Annotated[str, typer.Option(help="A template. Default: what would be chosen.")] = "",
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="A policy document not yet in force.")
    ] = None,
    incident: Annotated[str, typer.Option(help="Show its newest message, not a sample.")] = "",
    receiver: Annotated[str, typer.Option(help="Who is told. Default: as in the message.")] = "",
    locale: Annotated[str, typer.Option(help="Such as de-AT. Default: the receiver's.")] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show how a message would read. Sends nothing; exits with 1 where the template fails."""
    given = {"type": type, "incident": incident, "receiver": receiver, "locale": locale}
    body: dict[str, Any] = {"channel": channel, **{k: v for k, v in given.items() if v}}
    if file is not None:
        body["parts"] = _parts(file, channel, type or "first", name, receiver)
    elif name:
        body["name"] = name
    shown = _client.Client(url, token, home).post("/templates/preview", body)
    if output is not _options.Format.table:
        _output.document(shown, output)
    else:
        _print(shown)
    if shown["problems"]:
        raise typer.Exit(1)


def _print(shown: dict[str, Any]) -> None:
    for problem in shown["problems"]:
        places = ((problem["part"], "part"), (problem["line"], "line"))
        place = ", ".join(f"{what} {where}" for where, what in places if where)
        _output.say(f"{place}: {problem['detail']}" if place else problem["detail"])
    texts, heading = shown["texts"], shown["template"] or "your words"
    if not texts:
        texts, heading = shown["own"], "the channel's own words"
    _output.say(f"# {shown['channel']}, {shown['type']}, {shown['locale']}: {heading}")
    for part, text in texts.items():
        _output.line(f"{part}:")
        for line in text.splitlines():
            _output.line(line, 1)


def _parts(file: Path, channel: str, type: str, name: str, receiver: str) -> dict[str, str]:
    """The template that this document would choose, or the one of that name."""
    import channels
    from tocsin.config import documents
    from tocsin.domain import templates

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise errors.BadRequest(f"{file} cannot be read as a text") from error
    policy = documents.parse(text, channels.settings_models())
    parts = channels.parts().get(channel, {})
    if name:
        found = next((each for each in policy.templates if each.name == name), None)
    else:
        found = templates.choose(policy.templates, receiver, channel, type, parts)
    if found is None:
        what = f"called {name}" if name else f"for {channel} and {type}"
        raise errors.NotFound(f"{file} has no template {what}")
    return {part: source for part, source in found.parts.items() if part in parts}
