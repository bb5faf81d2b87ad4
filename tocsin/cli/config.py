"""`tocsin config`: the policy documents of the tenants. Works on the record itself."""

from __future__ import annotations

import dataclasses
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _input, _options, _output, _place

if TYPE_CHECKING:
    from tocsin.domain.policy import Policy

nouns = typer.Typer(
    help="The policy document of a tenant: check, compare, apply, look.", no_args_is_help=True
)
SIGNS = {"added": "+", "removed": "-", "changed": "~", "moved": ">"}
COLUMNS = ("version", "in_force", "author", "created_at")
File = Annotated[str, typer.Argument(help="The document; - reads it from stdin.")]


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="config")


@nouns.command("check")
def check(
    file: File,
    tenant: Annotated[
        str,
        typer.Option("--tenant", "-t", help="Whose: then stand-ins and known addresses count too."),
    ] = "",
    home: _options.Home = None,
) -> None:
    """Say everything that is wrong with a document, each with its line; else what is doubtful."""
    from tocsin.domain import doubts
    from tocsin.i18n import doubts as words
    from tocsin.storage import doubting

    policy = _parsed(_checked(file))
    if tenant:
        with _place.tenant(home, tenant) as (tx, id):
            found = doubting.of(tx, id, policy)
    else:
        found = list(doubts.of(policy, datetime.now(UTC)))
    for each in found:
        _output.say(f"warning: {words.sentence(each)}")
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
        raise _no_version(version, tenant)
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


@nouns.command("diff")
def diff(
    file: File,
    tenant: _options.Tenant,
    version: Annotated[int, typer.Option(min=0, help="Default: the one in force.")] = 0,
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show what a document would change: which routes, receivers, people and so on.

    Ends with 0 where it says the same, with 1 where it does not, with 2 on trouble.
    """
    from tocsin.domain import policy_diff

    try:
        after = _parsed(_checked(file))
        stored = _stored(home, tenant, version)
        changes = policy_diff.diff(_parsed(stored["document"]) if stored else None, after)
    except errors.TocsinError as error:
        _output.say(f"error: {error.message}")
        raise typer.Exit(2) from error
    if output is not _options.Format.table:
        shown = [dataclasses.asdict(each) for each in changes]
        number = stored["version"] if stored else None
        _output.document({"version": number, "same": not changes, "changes": shown}, output)
    for each in changes if output is _options.Format.table else ():
        _output.line(f"{SIGNS[each.what]} {each.section} {each.id}".rstrip())
        for field in each.fields:
            _output.line(f"{field.path}: {_short(field.before)} -> {_short(field.after)}", 2)
    raise typer.Exit(1 if changes else 0)


@nouns.command("rollback")
def rollback(
    version: Annotated[int, typer.Argument(min=1, help="As in `config history`.")],
    tenant: _options.Tenant,
    home: _options.Home = None,
) -> None:
    """Put an older version in force again, as a new one. It holds until the policy file changes."""
    from tocsin.security import audit
    from tocsin.storage import policies

    with _place.tenant(home, tenant) as (tx, found):
        was = policies.lock(tx, found)
        row = policies.version(tx, found, version)
        if row is None:
            raise _no_version(version, tenant)
        _parsed(row["document"])
        made = policies.apply(tx, found, row["document"], _place.operator())
        if made != was:
            said = {"to": version}
            audit.record(tx, found, _place.operator(), "config.rollback", str(made), said)
    changed = f"version {made} is in force, as version {version} was"
    print(changed if made != was else f"unchanged: version {made} says what version {version} says")


@nouns.command("export")
def export(
    tenant: _options.Tenant,
    folder: Annotated[
        Path | None, typer.Option("--all", help="Write every version into this folder instead.")
    ] = None,
    home: _options.Home = None,
) -> None:
    """Print the document in force as it was written; --all writes <tenant>.<version>.yml each."""
    from tocsin.storage import policies

    if folder is None:
        row = _stored(home, tenant, 0)
        if row is None:
            raise _no_version(0, tenant)
        sys.stdout.write(row["document"])
        return
    with _place.tenant(home, tenant) as (tx, found):
        rows = policies.every(tx, found)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for row in rows:
            file = folder / f"{tenant}.{row['version']}.yml"
            file.write_text(row["document"], encoding="utf-8")
            print(file)
    except OSError as error:
        raise errors.BadRequest(f"{folder} cannot be written: {error.strerror}") from error


@nouns.command("schema")
def schema() -> None:
    """Print the JSON Schema of the document, for editors."""
    import channels
    from tocsin.config import documents

    _output.document(documents.json_schema(channels.settings_models()), _options.Format.json)


@nouns.command("reference")
def reference(
    page: Annotated[
        Path | None,
        typer.Argument(help="The page, docs/policy.md, to bring up to date."),
    ] = None,
) -> None:
    """Print every key of a document with its default, as tables in Markdown."""
    import channels
    from tocsin.config import documents
    from tocsin.config import reference as made

    known = documents.json_schema(channels.settings_models())
    if page is None:
        print(made.tables(known))
        return
    try:
        text = page.read_text(encoding="utf-8")
        page.write_text(made.inserted(text, known), encoding="utf-8")
    except OSError as error:
        raise errors.BadRequest(f"{page} cannot be changed: {error.strerror}") from error


def _stored(home: Path | None, tenant: str, version: int) -> dict[str, Any] | None:
    """A version, or the one in force, if there is one. Raises NotFound for one that was named."""
    from tocsin.storage import policies

    with _place.tenant(home, tenant) as (tx, found):
        row = policies.version(tx, found, version) if version else policies.current(tx, found)
    if row is None and version:
        raise _no_version(version, tenant)
    return row


def _no_version(version: int, tenant: str) -> errors.NotFound:
    what = f"no version {version}" if version else "no policy in force"
    return errors.NotFound(f"there is {what}; see `tocsin config history --tenant {tenant}`")


def _parsed(text: str) -> Policy:
    """Raises PolicyError: an old version may use what there is no longer."""
    import channels
    from tocsin.config import documents

    return documents.parse(text, channels.settings_models())


def _short(value: Any) -> str:
    """A value of a document on one line."""
    return json.dumps(value, ensure_ascii=False, default=str)


def _checked(file: str) -> str:
    """The text of a valid document. Raises PolicyError, one problem a line."""
    text = _input.read(file)
    import channels
    from tocsin.config import ambiguities
    from tocsin.i18n import trial

    trial.check(_parsed(text), channels.parts())
    for line, said in ambiguities.of(text):
        _output.say(f"warning: line {line}: {said}")
    return text
