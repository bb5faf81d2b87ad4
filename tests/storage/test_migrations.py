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
from tocsin.domain import tags
from tocsin.storage import migrate, tables

PARTITION = re.compile(r"_(\d{8}|default)$")
LEFT = """
SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind <> 'i'
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
"""

#: More than one page of the migration that tags alerts; all but the first were renamed by a rule.
PAGES = 5_200
OLD_ALERTS = f"""
INSERT INTO alert (tenant, fingerprint, status, severity, labels, added, ruled, annotations, source,
  generator_url, starts_at, count, first_seen, last_seen)
SELECT 1, lpad(n::text, 16, '0'), 'firing', 'none', '{{"a":"b"}}', '{{"team":"db"}}',
  CASE WHEN n > 0 THEN '{{"a":"c"}}' END, '{{}}', 'x', '', now(), 1, now(), now()
FROM generate_series(0, {PAGES}) AS n
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
    to(url, "base")
    with psycopg.connect(url) as conn:
        assert [name for (name,) in conn.execute(LEFT) if not name.startswith("alembic")] == []
    migrate.upgrade(url)
    migrate.upgrade(url)
    assert migrate.current(url) == (migrate.wanted(), migrate.wanted())


def test_the_search_over_labels_survives_its_new_home_and_the_way_back(
    servers: Servers,
) -> None:
    url = databases.empty(servers, "tags")
    migrate.upgrade(url)
    to(url, "0027")
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(OLD_ALERTS)
    to(url, "head")
    with psycopg.connect(url, autocommit=True) as conn:
        found = conn.execute("SELECT tags, count(*) FROM alert GROUP BY 1 ORDER BY 2").fetchall()
    first = tags.of(1, [("a", "b"), ("team", "db")])
    rest = tags.of(1, [("a", "b"), ("team", "db"), ("a", "c")])
    assert found == [(first, 1), (rest, PAGES)]
    to(url, "0027")
    with psycopg.connect(url, autocommit=True) as conn:
        kept = conn.execute(
            "SELECT name, value, count(*) FROM alert_label GROUP BY 1, 2 ORDER BY 1"
        )
        assert set(kept) == {("a", "b", PAGES + 1), ("a", "c", PAGES), ("team", "db", PAGES + 1)}


def to(url: str, revision: str) -> None:
    """Go up or down to this revision."""
    with engine(url).begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        (command.upgrade if revision == "head" else command.downgrade)(config, revision)


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
