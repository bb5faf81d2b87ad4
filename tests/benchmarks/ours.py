"""Ours: a whole installation as `tocsin up` starts it, with a fresh tenant for each cell."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, LiteralString

import psycopg

import channels
from tests.benchmarks import systems
from tocsin import installation, launch
from tocsin.config import documents
from tocsin.domain import rules
from tocsin.security import tokens
from tocsin.storage import policies, tenants
from tocsin.storage.record import Record

#: What Tocsin raised itself was not posted by the load.
_COUNTED = """
SELECT coalesce(sum(count), 0) FROM alert
WHERE tenant = ANY(%s) AND source <> ALL(%s)
"""
#: The rows that an alert has, with their indexes: itself, its changes with their explanations, its
#: place in a group, its expiry, its score.
_BYTES = """
SELECT sum(pg_total_relation_size(c.oid)) / greatest((SELECT count(*) FROM alert), 1)
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
  AND c.relname ~ '^(alert|alert_event_.*|group_member|timer|alert_score)$'
"""
#: Nothing waits in the inbox, for whatever stage, nor for a score, and no timer is overdue.
_IDLE = """
SELECT NOT EXISTS (SELECT FROM inbox) AND NOT EXISTS (SELECT FROM score_waiting)
   AND NOT EXISTS (SELECT FROM timer WHERE due_at <= tocsin_now())
"""


Params = Sequence[Any] | Mapping[str, Any] | None


class Ours:
    """Our installation as a System."""

    name = "ours"

    def __init__(self, supervisor: launch.Supervisor, log: Path) -> None:
        self.log = log
        self._supervisor = supervisor
        self._record = Record(supervisor.environment["DATABASE_URL"])
        # The owner sees the rows of all tenants.
        self._owner = psycopg.connect(supervisor.servers["postgres"].url, autocommit=True)
        self._numbers = itertools.count(1)
        #: Where all cells post to; None: each to a tenant of its own.
        self.given: systems.Target | None = None

    @contextmanager
    def fresh(self, hook: str) -> Iterator[systems.Target]:
        yield self.given or self.target(systems.policy("webhook", hook))

    def target(self, document: str, tenants: int = 1) -> systems.Target:
        """So many new tenants with this policy, which takes storms as they are."""
        document += "storms: {threshold: 0}\n"
        documents.parse(document, channels.settings_models())
        made = [self._tenant(document) for _ in range(tenants)]
        port = int(self.environment["INGEST_PORT"])
        return systems.Target(port, tuple(token for _, token in made), tuple(id for id, _ in made))

    def _tenant(self, document: str) -> tuple[int, str]:
        slug = f"bench-{next(self._numbers)}"
        with self._record.admin() as tx:
            tenant = tenants.create(tx, slug)
            token = tokens.create(tx, tenant, "bench", ["ingest", "respond"])
        with self._record.session([tenant]) as tx:
            policies.apply(tx, tenant, document, "bench")
        return tenant, token

    @property
    def environment(self) -> dict[str, str]:
        return self._supervisor.environment

    def roots(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for child in self._supervisor.children:
            if child.process is not None:
                found.setdefault(child.name.split(".")[0], []).append(child.process.pid)
        servers = self._supervisor.servers.items()
        return found | {name: [server.process.pid] for name, server in servers}

    def processed(self, target: systems.Target) -> int:
        return int(self._asked(_COUNTED, [list(target.tenants), list(rules.OWN)]))

    def idle(self) -> bool:
        return bool(self._asked(_IDLE))

    def waiting(self) -> int:
        """Alerts that are accepted and not worked on yet."""
        return int(self._asked("SELECT coalesce(sum(alerts), 0) FROM inbox"))

    def give_up(self) -> None:
        self._owner.execute("DELETE FROM inbox")

    def bytes_an_alert(self) -> float:
        """Of the database, for each alert that is stored."""
        return float(self._asked(_BYTES))

    def settle(self) -> None:
        self._owner.execute("CHECKPOINT")

    def server_version(self) -> str:
        """Of PostgreSQL."""
        return str(self._asked("SHOW server_version"))

    def close(self) -> None:
        self._owner.close()
        self._record.close()

    def run(self, sql: LiteralString, params: Params = None) -> None:
        """As the owner."""
        self._owner.execute(sql, params)

    def _asked(self, sql: LiteralString, params: list[Any] | None = None) -> Any:
        row = self._owner.execute(sql, params).fetchone()
        assert row is not None
        return row[0]


@contextmanager
def home() -> Iterator[Path]:
    """A home for an installation, for as long as it is wanted."""
    made = Path(tempfile.mkdtemp(prefix="tocsin-bench-", dir="/tmp"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


@contextmanager
def running(scale: str = "", kept: Path | None = None) -> Iterator[Ours]:
    """An installation in a home of its own, or in one that was kept; its words are in `log`."""
    with contextlib.ExitStack() as life:
        yield life.enter_context(_running(scale, kept or life.enter_context(home())))


@contextmanager
def _running(scale: str, home: Path) -> Iterator[Ours]:
    before = dict(os.environ)
    for name in list(os.environ):
        if name.startswith("TOCSIN_") or name in ("DATABASE_URL", "REDIS_URL"):
            del os.environ[name]
    os.environ |= {"TOCSIN_EGRESS_ALLOW": "127.0.0.0/8", "TOCSIN_LOG_LEVEL": "warning"}
    log = home / "said"
    try:
        options = installation.Options(home=home, port=systems.free_port(pair=True), scale=scale)
        with log.open("w") as stream, launch.running(options, stream=stream) as supervisor:
            ours = Ours(supervisor, log)
            try:
                yield ours
            finally:
                ours.close()
    finally:
        os.environ.clear()
        os.environ.update(before)
