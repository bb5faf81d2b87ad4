"""What a fault has at hand: the processes, the servers, the doors, the providers, the clock."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil
import psycopg
import redis

from tests.faults import client, installation, proxy, world
from tests.faults.history import Journal

Profile = Literal["quick", "soak"]
#: The lines of the Procfile that a fault may be about.
LINES = ("ingest", "web", "pipeline", "page", "notify", "background", "clock")
LEASE_SECONDS = 5.0


@dataclass
class Clock:
    """The clock of the record: this machine's, and what was travelled."""

    travelled: float = 0.0

    def __call__(self) -> float:
        return time.time() + self.travelled


@dataclass
class Bench:
    """One run. All that faults do to it goes through here, and what may double is counted."""

    folder: Path
    home: Path
    seed: int
    profile: Profile
    clock: Clock
    supervisor: installation.Proxied
    fakes: installation.Fakes
    providers: proxy.Door
    tenants: list[world.Tenant]
    nemesis: Journal
    client: client.Client = field(init=False)
    #: How often something was broken that may just have been sending.
    crashes: int = 0
    #: What a fault set up before the start, by its name.
    prepared: dict[str, Any] = field(default_factory=dict)
    #: Disks that a fault mounted.
    mounted: list[Path] = field(default_factory=list)
    #: What makes waiting shorter until all is quiet.
    ageing: list[Callable[[], None]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def redis_door(self) -> proxy.Door:
        return self.supervisor.door["redis"]

    @property
    def postgres_door(self) -> proxy.Door:
        return self.supervisor.door["postgres"]

    def seconds(self, quick: float, soak: float) -> float:
        """How long something lasts in this profile."""
        return quick if self.profile == "quick" else soak

    def crashed(self, times: int = 1) -> None:
        self.crashes += times

    def masters(self, line: str) -> list[psutil.Process]:
        """The living processes that the launcher started for a line of the Procfile."""
        children = [c for c in self.supervisor.children if c.name.split(".")[0] == line]
        found = []
        for child in children:
            with contextlib.suppress(psutil.NoSuchProcess):
                if child.process is not None and child.process.poll() is None:
                    found.append(psutil.Process(child.process.pid))
        return found

    def family(self, master: psutil.Process) -> list[psutil.Process]:
        """The workers of a master, and itself last."""
        try:
            return [*master.children(recursive=True), master]
        except psutil.NoSuchProcess:
            return []

    def some(self, chance: random.Random, *lines: str) -> tuple[str, list[psutil.Process]]:
        """One line and one family of it that lives; waits for one to be there."""
        line = chance.choice(lines or LINES)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if masters := self.masters(line):
                return line, self.family(chance.choice(masters))
            time.sleep(0.05)
        return line, []

    def signal(self, processes: list[psutil.Process], number: signal.Signals) -> int:
        """Send it to those that are still there; returns to how many."""
        hit = 0
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)
                hit += 1
        return hit

    @contextlib.contextmanager
    def owner(self) -> Iterator[psycopg.Connection[Any]]:
        """PostgreSQL as the owner, past the door."""
        url = self.supervisor.owner_url
        with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
            yield connection

    def sql(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """Ask or tell the record as its owner."""
        with self.owner() as connection:
            found = connection.execute(statement.encode(), list(values) or None)
            return found.fetchall() if found.description else []

    def redis(self) -> redis.Redis:
        """Valkey, past the door."""
        return redis.Redis.from_url(self.supervisor.redis_url, socket_timeout=5)

    def spoil(self, **fault: Any) -> None:
        """Let the fake providers misbehave: fields of `fakes.faults.Fault`, provider, dest."""
        where = {name: fault.pop(name) for name in ("provider", "dest") if name in fault}
        self.fakes.command(fault=fault, **where)

    @contextlib.contextmanager
    def spoilt(self, **fault: Any) -> Iterator[None]:
        """The same for the length of a block."""
        self.spoil(**fault)
        try:
            yield
        finally:
            self.fakes.command(clear="*")

    @contextlib.contextmanager
    def each(self, seconds: float, job: Callable[[], object]) -> Iterator[None]:
        """Do a job every so often in a thread of its own for the length of a block.

        What it cannot do, because what it is done to is down, it tries again the next time.
        """
        over = threading.Event()

        def work() -> None:
            while not over.wait(seconds):
                with contextlib.suppress(psycopg.Error, redis.RedisError, OSError):
                    job()

        thread = threading.Thread(target=work, name="again and again")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def travel(self, seconds: float) -> None:
        """Let so much time pass at once, for the record and the providers."""
        # What is being sent would be taken for lost, and sent again.
        busy = self.sql("SELECT count(*) FROM delivery WHERE state = 'sending'")[0][0]
        self.crashed(busy + 1)
        # The record first: to it a sender whose clock is minutes ahead names ends that are to come.
        self.sql("UPDATE clock_offset SET seconds = %s", self.clock.travelled + seconds)
        self.clock.travelled += seconds
        self.fakes.command(clock_offset=self.clock.travelled)
        self.nemesis.add(fault="travel", target="", phase="begin", note="", seconds=seconds)
        self.nemesis.add(fault="travel", target="", phase="end", note="", seconds=seconds)

    def extra(self, tenant: world.Tenant, alerts: list[dict[str, Any]], source: str) -> bool:
        """A post beside those of the plan."""
        return self.client.post(tenant, source, alerts, self.over)

    def note(self, **fields: Any) -> None:
        self.nemesis.add(**fields)
