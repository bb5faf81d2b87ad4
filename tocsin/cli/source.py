"""`tocsin source`: try out how the JSON of a sender becomes alerts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _client, _input, _options, _output

nouns = typer.Typer(help="Senders of JSON of their own.", no_args_is_help=True)
COLUMNS = ("index", "fingerprint", "status", "severity", "labels", "starts_at")
REJECTED = ("index", "field", "reason")


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="source")


@nouns.command("preview")
def preview(
    name: Annotated[str, typer.Argument(help="The name of a source in the policy.")],
    body: Annotated[str, typer.Option(help="What the sender posts; - reads it from stdin.")],
    file: Annotated[
        str, typer.Option(help="The policy document. Left out: the one in force, over the API.")
    ] = "",
    url: _options.Url = "",
    token: _options.Token = "",
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the alerts that a source would make of a document. Nothing is stored, nobody is told."""
    document = _document(body)
    if file:
        found = _read(name, file, document)
    else:
        client = _client.Client(url, token, home)
        found = client.post("/sources/preview", {"name": name, "body": document})
    if output is not _options.Format.table:
        _output.document(found, output)
    else:
        _tables(found, output)
    if found["rejected"]:
        count = len(found["rejected"])
        raise errors.BadRequest(f"{count} would be refused and wait in the quarantine")


def _tables(found: dict[str, Any], output: _options.Format) -> None:
    for each in found["alerts"]:
        pairs = sorted(each["labels"].items())
        each["labels"] = " ".join(f"{name}={json.dumps(value)}" for name, value in pairs)
    _output.rows(found["alerts"], COLUMNS, output)
    if found["rejected"]:
        _output.rows(found["rejected"], REJECTED, output)
    _output.say(
        f"{len(found['alerts'])} taken, {len(found['rejected'])} refused,"
        f" {found['skipped']} left out by `when`"
    )


def _read(name: str, file: str, document: Any) -> dict[str, Any]:
    import channels
    from tocsin.config import documents
    from tocsin.config import mapping as config
    from tocsin.domain import previewing

    text = _input.read(file, "utf-8-sig")
    documents.parse(text, channels.settings_models())
    sources = config.loaded(config.stored(text)).sources
    if name not in sources:
        there = ", ".join(sorted(sources)) or "none"
        raise errors.NotFound(f"{file} has no source of this name; there is {there}")
    found = previewing.preview(sources[name], document, datetime.now(UTC))
    return found.model_dump(mode="json")


def _document(file: str) -> Any:
    try:
        return json.loads(_input.read(file, "utf-8-sig"))
    except ValueError as error:
        raise errors.BadRequest(f"{file} is not JSON: {error}") from error
