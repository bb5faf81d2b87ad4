"""Brings a database to the shape that this version needs: roles, tables, row-level security."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from tocsin import errors

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER = Path(__file__).parent / "migrations"

SERVICE = "tocsin_service"
ROLES = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tocsin_app') THEN
    CREATE ROLE tocsin_app NOLOGIN;
  END IF;
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'tocsin_claims') THEN
    CREATE ROLE tocsin_claims NOLOGIN;
  END IF;
END $$;
GRANT tocsin_app, tocsin_claims TO CURRENT_USER;
"""


def prepare(owner_url: str) -> str:
    """Make roles, migrate, and return the URL of the unprivileged login `tocsin_service`.

    Its password is new each time, so the URL must be handed to every process of this start.
    For a database that others use too, call `upgrade` and let DATABASE_URL be your own login.
    """
    upgrade(owner_url)
    password = secrets.token_urlsafe(24)
    with psycopg.connect(owner_url, autocommit=True) as conn:
        known = conn.execute("SELECT FROM pg_roles WHERE rolname = %s", [SERVICE]).fetchone()
        verb = "ALTER" if known is not None else "CREATE"
        conn.execute(f"{verb} ROLE {SERVICE} LOGIN NOINHERIT PASSWORD '{password}'".encode())
        conn.execute(f"GRANT tocsin_app TO {SERVICE} WITH INHERIT FALSE, SET TRUE".encode())
    parts = urlsplit(owner_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{SERVICE}:{quote(password)}@{host}"))


def upgrade(owner_url: str) -> None:
    """Make the roles if they are missing and run what migrations are.

    Raises SetupError with the SQL for an administrator where the login may not create roles.
    """
    try:
        with psycopg.connect(owner_url, autocommit=True) as conn:
            conn.execute(ROLES)
    except psycopg.errors.InsufficientPrivilege as error:
        raise errors.SetupError(
            f"the login of the database may not create roles. Ask an administrator to run:\n{ROLES}"
        ) from error
    except psycopg.OperationalError as error:
        raise errors.SetupError(f"the database does not answer: {error}") from error
    if current(owner_url) != (wanted(), wanted()):
        _migrate(owner_url)


def current(owner_url: str) -> tuple[str | None, str]:
    """The revision that the database has, and the one that this version wants."""
    with psycopg.connect(owner_url, autocommit=True) as conn:
        try:
            row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.errors.UndefinedTable:
            row = None
    return (row[0] if row is not None else None), wanted()


def wanted() -> str:
    """The newest revision that this version knows: files are named after theirs, in one line."""
    files = (_FOLDER / "versions").glob("[0-9]*_*.py")
    return max(file.name.partition("_")[0] for file in files)


def _migrate(owner_url: str) -> None:
    # Here, since half a second of each start would be theirs: mostly there is nothing to do.
    import sqlalchemy
    from alembic import command

    config = _config()
    engine = sqlalchemy.create_engine(_alchemy(owner_url), poolclass=sqlalchemy.NullPool)
    with engine.begin() as connection:
        # Two launchers may start at once: the second waits and finds all done.
        connection.execute(sqlalchemy.text("SELECT pg_advisory_xact_lock(7021905)"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def _alchemy(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://", 1).replace(
        "postgres://", "postgresql+psycopg://", 1
    )
