"""`tocsin token`: who may do what. Works on the record itself."""

from __future__ import annotations

import uuid
from typing import Annotated

import typer

from tocsin import errors
from tocsin.cli import _options, _output, _place

nouns = typer.Typer(help="Tokens: who may do what.", no_args_is_help=True)
COLUMNS = ("id", "name", "scopes", "created_at", "created_by", "revoked_at")


def register(app: typer.Typer) -> None:
    app.add_typer(nouns, name="token")


@nouns.command("add")
def add(
    tenant: _options.Tenant,
    name: Annotated[str, typer.Option(help="Who holds it; it signs what is done with it.")],
    scope: Annotated[
        str, typer.Option(help="Any of ingest, read, respond, admin; commas between.")
    ],
    home: _options.Home = None,
) -> None:
    """Make a token and print it, this once."""
    from tocsin.security import tokens

    scopes = [part.strip() for part in scope.split(",") if part.strip()]
    if not name.strip() or "\0" in name:
        raise errors.BadRequest("give the token a name that says who holds it")
    with _place.tenant(home, tenant) as (tx, found):
        made = tokens.create(tx, found, name.strip(), scopes, _place.operator())
    print(made)
    _output.say("this is shown once: keep it where its holder finds it")


@nouns.command("list")
def list_(
    tenant: _options.Tenant,
    home: _options.Home = None,
    output: _options.Output = _options.Format.table,
) -> None:
    """Show the tokens of a tenant, without their secrets."""
    from tocsin.storage import tokens

    with _place.tenant(home, tenant) as (tx, found):
        _output.rows(tokens.listed(tx, found), COLUMNS, output)


@nouns.command("revoke")
def revoke(
    token: Annotated[str, typer.Argument(help="Its id, as in `token list`.")],
    tenant: _options.Tenant,
    home: _options.Home = None,
) -> None:
    """Let a token open nothing any more."""
    from tocsin.security import tokens

    try:
        key = uuid.UUID(token)
    except ValueError as error:
        raise errors.BadRequest(
            f"{token!r} is no id of a token; see `tocsin token list`"
        ) from error
    with _place.tenant(home, tenant) as (tx, found):
        tokens.revoke(tx, found, key, _place.operator())
    _output.say(f"revoked {key}")
