"""`tocsin config`: the policy documents of the tenants. Works on the record itself."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin import errors
from tocsin.cli import _options, _output, _place

nouns = typer.Typer(
    help="The policy document of a tenant: check, apply, look.", no_args_is_help=True
)
COLUMNS = ("version", "in_force", "author", "created_at")
File = Annotated[str, typer.Argument(help="The document; - reads it from stdin.")]


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="config")


@nouns.command("check")
def check(file: File) -> None:
    """Say everything that is wrong with a document, each with its line."""
    _checked(file)
    print("the document is valid")


@nouns.command("apply")
def apply(file: File, tenant: _options.Tenant, home: _options.Home = None) -> None:
    """Check a document and put it in force for a tenant."""
    from tocsin.security import audit
    from tocsin.storage import policies

    text = _checked(file)
    with _place.tenant(home, tenant) as (tx, found):
        before = policies.current(tx, found)
        version = policies.apply(tx, found, text, _place.operator())
        changed = before is None or before["version"] != version
        if changed:
            audit.record(tx, found, _place.operator(), "config.apply", str(version), {"file": file})
    print(f"version {version} is in force" if changed else f"unchanged: still version {version}")


@nouns.command("show")
def show(
    tenant: _options.Tenant,
    version: Annotated[int, typer.Option(min=0, help="Default: the one in force.")] = 0,
    home: _options.Home = None,
) -> None:
    """Print a version of the document of a tenant."""
    from tocsin.storage import policies

    with _place.tenant(home, tenant) as (tx, found):
        row = policies.version(tx, found, version) if version else policies.current(tx, found)
        problem = policies.problem(tx, found)
    if row is None:
        what = f"no version {version}" if version else "no policy in force"
        raise errors.NotFound(f"there is {what}; see `tocsin config history --tenant {tenant}`")
    print(row["document"], end="" if row["document"].endswith("\n") else "\n")
    _output.say(f"# version {row['version']} by {row['author']}")
    if problem and not version:
        _output.say(f"# a newer document was refused: {problem}")


@nouns.command("history")
def history(
    tenant: _options.Tenant,
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show who put which version in force, newest first."""
    from tocsin.storage import policies

    with _place.tenant(home, tenant) as (tx, found):
        _output.rows(policies.history(tx, found), COLUMNS, output)


@nouns.command("schema")
def schema() -> None:
    """Print the JSON Schema of the document, for editors."""
    import channels
    from tocsin.config import documents

    _output.document(documents.json_schema(channels.settings_models()), _options.Format.json)


def _checked(file: str) -> str:
    """The text of a valid document. Raises PolicyError, one problem a line."""
    import channels
    from tocsin.config import documents

    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise errors.BadRequest(f"{file} cannot be read: {reason}") from error
    documents.parse(text, channels.settings_models())
    return text
