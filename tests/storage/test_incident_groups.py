"""Incidents from before they had several groups: each group stays in the newest of its own."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
from alembic import command
from alembic.script import ScriptDirectory

from tests import databases
from tests.conftest import Servers
from tests.storage.test_migrations import engine
from tocsin.storage import migrate

GROUP, OLD, NEW = (uuid.UUID(int=n) for n in (1, 2, 3))


def go(url: str, how: Any, to: str) -> None:
    with engine(url).begin() as connection:
        config = migrate._config()
        config.attributes["connection"] = connection
        how(config, to)


def test_the_groups_of_older_incidents_are_filled_in_and_can_go_back(servers: Servers) -> None:
    url = databases.empty(servers, "incident-groups")
    before = ScriptDirectory.from_config(migrate._config()).get_revision("0005").down_revision
    assert isinstance(before, str)
    go(url, command.upgrade, before)
    with psycopg.connect(url) as conn:
        for id, state, ago in ((OLD, "resolved", 2), (NEW, "open", 1)):
            conn.execute(
                "INSERT INTO incident (tenant, id, group_id, title, severity, state, generation,"
                " opened_at) VALUES (1, %s, %s, 't', 'error', %s, 0, now() - interval '1h' * %s)",
                [id, GROUP, state, ago],
            )
    go(url, command.upgrade, "0005")
    with psycopg.connect(url) as conn:
        found = conn.execute(
            "SELECT m.incident_id, m.left_at IS NULL, m.reason, i.gained_at = i.opened_at"
            " FROM incident_group m JOIN incident i ON i.id = m.incident_id ORDER BY m.joined_at"
        ).fetchall()
    assert found == [(OLD, False, "opened", True), (NEW, True, "opened", True)]
    go(url, command.downgrade, before)
    with psycopg.connect(url) as conn:
        assert conn.execute("SELECT count(*) FROM incident").fetchone() == (2,)
