"""`tocsin migrate`: brings a database of your own to the shape that this version needs."""

from __future__ import annotations

from typing import Annotated

import typer

from tocsin.errors import SetupError


def register(app: typer.Typer) -> None:
    app.command("migrate")(migrate)


def migrate(
    database_url: Annotated[
        str,
        typer.Option(
            envvar=["TOCSIN_OWNER_URL", "DATABASE_URL"],
            help="The login that shall own the tables.",
        ),
    ] = "",
    sql: Annotated[
        bool, typer.Option("--sql", help="Only print what an administrator must run before.")
    ] = False,
) -> None:
    """Make the roles and run the migrations that are missing.

    Where the login may not make roles, the SQL for an administrator is printed instead.
    """
    from tocsin.storage import migrate as storage

    if sql:
        print(storage.ROLES.strip())
        return
    if not database_url:
        raise SetupError(
            "no database is named: set DATABASE_URL or give --database-url (the embedded database "
            "is migrated by `tocsin up`)"
        )
    storage.upgrade(database_url)
    print(f"the database is at revision {storage.current(database_url)[0]}")
