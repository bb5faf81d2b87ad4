"""A whole installation for the stories: real servers and processes, fake providers, time travel."""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar
from unittest import mock

import httpx
import psycopg
import pytest

import channels
from tocsin import embedded, installation, launch
from tocsin.config import documents
from tocsin.demo import fakes
from tocsin.nursery import Nursery
from tocsin.security import tokens
from tocsin.storage import migrate, policies, tenants
from tocsin.storage.record import Record

Found = TypeVar("Found")
#: How long a story waits for what ought to come within a second or two.
PATIENCE = 15.0
ROOT = Path(__file__).parents[2]
SLACK_TOKEN = "xoxb-fake"
numbers = itertools.count(1)


def eventually(look: Callable[[], Found], *, within: float = PATIENCE) -> Found:
    """What `look` gives once it is true; fails with the last thing it gave."""
    deadline = time.monotonic() + within
    while not (found := look()):
        assert time.monotonic() < deadline, f"it did not happen within {within} s: {found!r}"
        time.sleep(0.02)
    return found


@dataclass
class Stack:
    """One running installation with its fake providers."""

    supervisor: launch.Supervisor
    providers: fakes.Fakes
    record: Record
    travelled: list[float]
    client: httpx.Client

    @property
    def url(self) -> str:
        return self.supervisor.options.url

    def tenant(self, policy: str | None = None, slug: str = "") -> Tenant:
        """A fresh tenant with a token of all scopes; {hook} and {slack} stand for the fakes."""
        slug = slug or f"story-{next(numbers)}"
        with self.record.admin() as tx:
            id = tenants.create(tx, slug)
            token = tokens.create(tx, id, "story", list(tokens.SCOPES))
        folder = self.supervisor.options.home / "secrets" / "tenants" / slug
        folder.mkdir(parents=True)
        (folder / "slack").write_text(SLACK_TOKEN)
        tenant = Tenant(self, id, slug, token)
        if policy:
            tenant.apply(policy)
        return tenant

    def travel(self, seconds: float) -> None:
        """Let so much time pass for the record, at once."""
        self.travelled[0] += seconds
        with psycopg.connect(self.supervisor.servers["postgres"].url, autocommit=True) as conn:
            conn.execute("UPDATE clock_offset SET seconds = %s", self.travelled)

    def now(self) -> float:
        return time.time() + self.travelled[0]

    def children(self, name: str) -> list[Any]:
        """The processes of one line of the Procfile."""
        return [c for c in self.supervisor.children if c.name.split(".")[0] == name]


@dataclass
class Tenant:
    """A tenant of the stack, with the words that the stories are told in."""

    stack: Stack
    id: int
    slug: str
    token: str

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """A request with this tenant's token."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.stack.client.request(method, path, headers=headers, **options)

    def apply(self, policy: str) -> int:
        base = self.stack.providers.url
        text = (
            policy.replace("{hook}", f"{base}/hook/{self.slug}")
            .replace("{slack}", f"{base}/api/")
            .replace("{room}", f"#{self.slug}")
        )
        documents.parse(text, channels.settings_models())
        with self.stack.record.session([self.id]) as tx:
            return policies.apply(tx, self.id, text, "story")

    def post(self, *alerts: dict[str, Any], path: str = "/api/v2/alerts") -> httpx.Response:
        """Post as Prometheus does; fails unless it was accepted."""
        reply = self.call("POST", path, json=list(alerts))
        assert reply.status_code == 200, reply.text
        return reply

    def resolve(self, **labels: str) -> httpx.Response:
        """Post the end of an alert, as of now."""
        return self.post({"labels": labels, "endsAt": iso(self.stack.now())})

    def get(self, path: str, **params: Any) -> Any:
        reply = self.call("GET", f"/api/v1{path}", params=params)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def rows(self, sql: str, *params: Any) -> list[dict[str, Any]]:
        """Ask the record, as this tenant."""
        with self.stack.record.session([self.id]) as tx:
            return tx.rows(sql, list(params))

    def outcomes(self) -> list[str | None]:
        """How each event of this tenant ended, in order; None is pending."""
        found = self.rows("SELECT outcome FROM alert_event ORDER BY id")
        return [row["outcome"] for row in found]

    def hooks(self, name: str = "") -> list[dict[str, Any]]:
        """What the webhook receiver of this tenant has seen, each message once, in order."""
        path = f"/hook/{self.slug}{name}"
        calls = self.stack.providers.ledger.calls(provider="webhook", dest=path)
        shown = {call.key: call.body for call in reversed(calls) if call.effect}
        return list(reversed(shown.values()))

    def slack(self) -> list[dict[str, Any]]:
        """The messages that stand in this tenant's channel, each with its replies and edits."""
        return list(self.stack.providers.slack.messages(f"#{self.slug}"))

    def quiet(self) -> None:
        """Wait until nothing of this tenant is pending any more."""
        eventually(lambda: not self.pending(), within=30)

    def pending(self) -> int:
        found = self.rows(
            "SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM delivery WHERE state IN"
            " ('pending', 'sending')) + (SELECT count(*) FROM timer WHERE due_at <= tocsin_now())"
            " + (SELECT count(*) FROM alert_event WHERE outcome IS NULL) AS n"
        )
        return int(found[0]["n"])


def alert(
    *, starts: float | None = None, ends: float | None = None, **labels: str
) -> dict[str, Any]:
    """An alert as /api/v2 takes it; times in Unix seconds."""
    made: dict[str, Any] = {"labels": labels, "annotations": {"summary": "story"}}
    if starts is not None:
        made["startsAt"] = iso(starts)
    if ends is not None:
        made["endsAt"] = iso(ends)
    return made


def iso(moment: float) -> str:
    return (
        time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment)) + f".{int(moment % 1 * 1000):03d}Z"
    )


def free_port() -> int:
    """A port whose successor is free as well."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return int(port)


@pytest.fixture(scope="session")
def launch_stack() -> Callable[..., Any]:
    """A context manager that runs a whole installation: launch_stack(scale=..., env=...)."""
    return launched


def _without_scoring(scale: str, procfile: Path | None) -> str:
    """No story of pages needs scores, and the process that makes them takes seconds to warm up."""
    quiet = "scoring=0" if procfile is None and "scoring" not in scale else ""
    return ",".join(filter(None, (scale, quiet)))


@functools.cache
def prepared() -> Path:
    """A home with a migrated database and nothing else: each installation takes a copy."""
    home = Path(tempfile.mkdtemp(prefix="tocsin-prepared-", dir="/tmp"))
    os.chmod(home, 0o755)
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    server = embedded.start_postgres(home)
    try:
        migrate.upgrade(server.url)
    finally:
        server.stop()
    return home


@functools.cache
def shared() -> Nursery:
    """All installations of this test process have theirs from one nursery."""
    made = launch.nursery(ROOT)
    made.begin()
    atexit.register(made.close)
    return made


@contextmanager
def launched(
    *, scale: str = "", env: dict[str, str] | None = None, procfile: Path | None = None,
    stream: TextIO | None = None,
) -> Iterator[Stack]:  # fmt: skip
    """A whole installation; what its processes say goes to `stream`."""
    home = Path(tempfile.mkdtemp(prefix="tocsin-story-", dir="/tmp"))
    os.chmod(home, 0o755)
    subprocess.run(["cp", "-a", f"{prepared()}/.", str(home)], check=True)
    # The stories count what they posted themselves; that of the watch switches it on.
    said = {"TOCSIN_EGRESS_ALLOW": "127.0.0.0/8", "TOCSIN_LOG_LEVEL": "warning",
            "TOCSIN_WATCH_TENANT": "", **(env or {})}  # fmt: skip
    try:
        travelled = [0.0]
        with fakes.serve(clock=lambda: time.time() + travelled[0]) as providers:
            options = installation.Options(
                home=home, port=free_port(), scale=_without_scoring(scale, procfile),
                procfile=procfile,
            )  # fmt: skip
            with ExitStack() as left:
                # Nobody comes after it: whether it goes in good order is told by test_launch.
                left.enter_context(mock.patch.object(launch, "STOP_SECONDS", 0.0))
                # Other tests run in this process while it is up: they must not hear of it.
                with mock.patch.dict(os.environ, said):
                    supervisor = left.enter_context(
                        launch.running(options, stream=stream, shared=shared())
                    )
                record = Record(supervisor.environment["DATABASE_URL"])
                left.callback(record.close)
                client = left.enter_context(httpx.Client(base_url=options.url, timeout=30))
                yield Stack(supervisor, providers, record, travelled, client)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    """The installation that most stories share: two of each worker, as a real one may have."""
    with launched(scale="pipeline=2,page=2,notify=2") as running:
        yield running
