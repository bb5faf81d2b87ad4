"""The actors of a worker, loaded once into this process, and called by hand instead of by rings."""

from __future__ import annotations

import base64
import functools
import importlib
import itertools
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import psycopg
import pytest
import zstandard

import channels
from scheduler import sweep
from schemas.alert import Alert, Batch, Status
from tests import databases
from tests.conftest import Servers
from tests.web import servers
from tocsin.demo import fakes
from tocsin.domain import fingerprint, severity, tags
from tocsin.storage import due, intake, policies, tenants
from tocsin.storage.record import Record
from tocsin.web import app
from workers import queues

#: Stories with a hundred alerts are about other things than storms.
POLICY = """
storms: {threshold: 0}
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 0s
receivers:
  - name: ops
    webhook:
      - url: {hook}
"""
#: What is due goes with the test that left it; alerts and events of other tenants harm nobody.
WAITING = ("inbox", "timer", "delivery", "drain_note", "lookup_waiting", "lookup")
STAGES = queues.of_stages("")
ORDER = [(actor, STAGES[actor]) for actor in (
    "lookup", "judge", "dedup", "enrich", "evaluate", "expire", "reroute", "subside", "unfold",
    "miss", "unmute", "flush", "wake", "hand_over", "fail_over", "digest", "escalate",
    "breach", "report",
)]  # fmt: skip
ORDER += [
    (queues.deliver(channel), queue)
    for queue in ("page", "notify")
    for channel in channels.REGISTRY
]
numbers = itertools.count(1)


@dataclass
class Hall:
    """A worker of which every thread is this one."""

    servers: Servers
    record: Record
    providers: fakes.Fakes
    broker: Any
    runtime: Any
    policy_dir: Path
    owner: psycopg.Connection[Any]
    life: ExitStack

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        printer.text("hall")  # Hypothesis would print all that hangs on it

    @functools.cached_property
    def served(self) -> tuple[str, list[tuple[str, str]]]:
        """Where the web application answers, and the list of whom it rang: built once for all."""
        rings: list[tuple[str, str]] = []
        built = app.build(
            self.runtime.settings, self.record, lambda actor, queue: rings.append((actor, queue))
        )
        return self.life.enter_context(servers.serving(built)), rings

    def module(self, name: str) -> Any:
        """A module of the actors; nobody may import them before the environment is set."""
        return importlib.import_module(f"actors.{name}")

    def ring(self, *actors: str, queue: str = "pipeline") -> None:
        """Run these actors as if they had been rung."""
        for actor in actors:
            self.broker.get_actor(actor).fn(queue)

    def settle(self) -> None:
        """Run whom the sweep would ring, in this order, until nothing is due any more."""
        for _ in range(20):
            waiting = self.due()
            if not waiting:
                return
            for actor, queue in ORDER:
                if (actor, queue) in waiting:
                    self.ring(actor, queue=queue)
                    waiting = self.due()
        with self.record.claims() as tx:
            left = tx.rows("SELECT * FROM due_work()")
        raise AssertionError(f"something stays due for ever: {left}")

    def due(self) -> set[tuple[str, str]]:
        """The actors that have something to do now, each with its queue."""
        with self.record.claims() as tx:
            return set(sweep.rings(due.now(tx), STAGES))

    def travel(self, delta: timedelta) -> None:
        """Let so much time pass for the record, at once."""
        self.owner.execute(
            "UPDATE clock_offset SET seconds = seconds + %s", [delta.total_seconds()]
        )

    def tenant(self, policy: str | None = POLICY) -> Tenant:
        """A fresh tenant; {hook} in its policy is its own path at the fake webhook receiver."""
        with self.record.admin() as tx:
            slug = f"a{next(numbers)}"
            made = Tenant(self, tenants.create(tx, slug), slug)
            self.runtime.sealer.load(tx, made.id)
        if policy:
            made.apply(policy)
            self.ring("reroute")
        return made


@dataclass(frozen=True)
class Tenant:
    """A tenant of the hall, with the words that the tests are told in."""

    hall: Hall
    id: int
    slug: str

    @property
    def now(self) -> datetime:
        with self.hall.record.claims() as tx:
            moment: datetime = tx.now
        return moment

    @property
    def dest(self) -> str:
        """Where the fake webhook receiver keeps what this tenant sends."""
        return f"/hook/{self.slug}"

    def apply(self, policy: str) -> int:
        text = policy.replace("{hook}", self.hall.providers.hook(self.slug)).replace(
            "{slack}", self.hall.providers.slack_api
        )
        with self.hall.record.session([self.id]) as tx:
            return policies.apply(tx, self.id, text, "test")

    def post(self, *alerts: Alert) -> None:
        """Accept a batch, as the ingest does."""
        packed = msgspec.msgpack.encode(Batch("test", list(alerts)))
        body = self.hall.runtime.sealer.seal(self.id, zstandard.compress(packed, 1))
        self.accept(body, len(alerts))

    def accept(self, body: bytes, alerts: int) -> None:
        with self.hall.record.session([self.id]) as tx:
            intake.append_now(tx, intake.Accepted(self.id, "test", alerts, False, body))

    def send(self, *alerts: Alert) -> None:
        """Accept a batch and take it as far as the groups."""
        self.post(*alerts)
        self.hall.ring("dedup")

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        with self.hall.record.session([self.id]) as tx:
            return tx.rows(sql, list(params))

    def column(self, sql: str, *params: Any) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows(sql, *params)]

    def one(self, sql: str, *params: Any) -> Any:
        (found,) = self.column(sql, *params)
        return found

    def labelled(self, **labels: str) -> list[str]:
        """The fingerprints of the alerts that the search finds by these labels."""
        return self.column("SELECT labelled(%s, %s)", self.id, tags.of(self.id, labels.items()))

    def outcomes(self) -> list[str | None]:
        """How each event ended, in order; None is pending."""
        return self.column("SELECT outcome FROM alert_event ORDER BY id")

    def told(self) -> list[Any]:
        """What the webhook receiver acted on, in order, each key once."""
        calls = self.hall.providers.ledger.calls(dest=self.dest)
        return [call.body for call in calls if call.effect and call.seen <= 1]


def alert(
    name: str = "Disk", status: Status = "firing", *, starts: datetime | None = None,
    ends: datetime | None = None, notes: dict[str, str] | None = None, **labels: str,
) -> Alert:  # fmt: skip
    """A canonical alert; further names are labels."""
    all_labels = {"alertname": name, **labels}
    return Alert(
        fingerprint.fingerprint(all_labels), status, all_labels, notes or {},
        severity.of(all_labels), starts, ends,
    )  # fmt: skip


@pytest.fixture(scope="session")
def opened(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    place = databases.fresh(servers, "actors")
    place = replace(place, redis_url=f"{servers.redis_url}?db=6")
    folder = tmp_path_factory.mktemp("actors")
    (folder / "master.key").write_bytes(base64.b64encode(secrets.token_bytes(32)))
    (folder / "policies").mkdir()
    environment = {
        "DATABASE_URL": place.database_url,
        "REDIS_URL": place.redis_url,
        "TOCSIN_MASTER_KEY_FILE": str(folder / "master.key"),
        "TOCSIN_POLICY_DIR": str(folder / "policies"),
        "TOCSIN_EGRESS_ALLOW": "127.0.0.0/8",
        "TOCSIN_LOG_LEVEL": "warning",
    }
    # The log of this process stays the tests': the actors would take it over.
    with mock.patch.dict(os.environ, environment), mock.patch("tocsin.logs.setup"):
        importlib.import_module("actors")
        runtime = importlib.import_module("actors._runtime")
        # One ring does all there is to do, however slow the machine is.
        work = importlib.import_module("actors._work")
        vars(work).update(HOLD_SECONDS=3600.0, PACE_SECONDS=0.0)
        for beat in work.beats.values():
            beat.seconds = 0.0  # nor does anybody rest
        here = runtime.here()
    with (
        fakes.serve() as providers,
        psycopg.connect(place.owner_url, autocommit=True) as owner,
        ExitStack() as life,
    ):
        yield Hall(
            place, here.record, providers, runtime.broker(), here, folder / "policies", owner, life
        )
    here.record.close()
    here.notes.close()


@pytest.fixture
def hall(opened: Hall) -> Iterator[Hall]:
    """The hall, in which nothing waits and the time is now."""
    yield opened
    opened.providers.script.clear()
    # To truncate takes a new file for each table and each index of it: fifty times as long.
    gone = "".join(f"DELETE FROM {table};" for table in WAITING)
    opened.owner.execute(f"{gone} UPDATE clock_offset SET seconds = 0".encode())


@pytest.fixture
def travel(hall: Hall) -> Callable[..., None]:
    """Lets time pass: travel(minutes=5)."""

    def by(**units: float) -> None:
        hall.travel(timedelta(**units))

    return by
