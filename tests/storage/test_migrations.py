"""The migrated database is the one that the tables describe, and every migration can go back."""

from __future__ import annotations

import re
from concurrent import futures
from typing import Any

import psycopg
import pytest
import sqlalchemy
from alembic import autogenerate, command
from alembic.runtime.migration import MigrationContext
from sqlmodel import SQLModel

from tests import databases
from tests.conftest import Servers
from tocsin import errors
from tocsin.storage import migrate, tables

PARTITION = re.compile(r"_(\d{8}|default)$")
LEFT = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""


def engine(url: str) -> sqlalchemy.Engine:
    return sqlalchemy.create_engine(
        url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=sqlalchemy.NullPool
    )


def no_partition(name: str | None, kind: str, _: Any) -> bool:
    return kind != "table" or not PARTITION.search(name or "")


def test_the_migrated_database_is_what_the_tables_say(place: Servers) -> None:
    assert tables.__all__
    with engine(place.owner_url).connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={"compare_type": True, "compare_server_default": True,
                  "include_name": no_partition},
        )  # fmt: skip
        assert autogenerate.compare_metadata(context, SQLModel.metadata) == []


def test_upgrade_from_nothing_downgrade_to_nothing_and_up_again(servers: Servers) -> None:
    url = databases.empty(servers, "migrations")
    assert migrate.current(url) == (None, migrate.wanted())
    migrate.upgrade(url)
    assert migrate.current(url) == (migrate.wanted(), migrate.wanted())
    with engine(url).begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    with psycopg.connect(url) as conn:
        assert [name for (name,) in conn.execute(LEFT) if not name.startswith("alembic")] == []
    migrate.upgrade(url)
    migrate.upgrade(url)
    assert migrate.current(url) == (migrate.wanted(), migrate.wanted())


def test_two_that_start_at_once_migrate_once(servers: Servers) -> None:
    url = databases.empty(servers, "migrated-twice")
    with futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(migrate.upgrade, [url, url]))
    assert migrate.current(url) == (migrate.wanted(), migrate.wanted())


def test_a_login_without_rights_is_told_what_an_administrator_must_run(place: Servers) -> None:
    with pytest.raises(errors.SetupError, match="CREATE ROLE tocsin_app NOLOGIN"):
        migrate.upgrade(place.database_url)


def test_a_database_that_does_not_answer_is_said_so() -> None:
    with pytest.raises(errors.SetupError, match="does not answer"):
        migrate.upgrade("postgresql://tocsin@127.0.0.1:1/nowhere")
