"""A real installation under the real launcher, with doors between it and all that it needs."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO
from urllib.parse import unquote, urlsplit

import httpx

from tests.faults import proxy
from tocsin import launch
from tocsin.errors import SetupError

REPOSITORY = Path(__file__).resolve().parents[2]
SCALE = "pipeline=2,page=2,notify=2,lookup=0,scoring=0"


class Proxied(launch.Supervisor):
    """The launcher itself, but its children are told the doors instead of the servers."""

    def __init__(
        self, options: launch.Options, stream: TextIO, doors: proxy.Doors, chance: random.Random,
        extra: dict[str, str],
    ) -> None:  # fmt: skip
        super().__init__(options, stream=stream)
        self._doors, self._chance, self._extra = doors, chance, extra
        self.door: dict[str, proxy.Door] = {}
        #: PostgreSQL as the processes have it, but past the door.
        self.service_url = ""
        #: Variables of single processes, by their name in the output ("page.2").
        self.private: dict[str, dict[str, str]] = {}

    @property
    def owner_url(self) -> str:
        """PostgreSQL itself, as the owner, past the door."""
        return self.servers["postgres"].url

    @property
    def redis_url(self) -> str:
        """Valkey itself, past the door."""
        return self.servers["valkey"].url

    def _start_servers(self) -> None:
        super()._start_servers()
        self.environment |= self._extra
        self.service_url = self.environment["DATABASE_URL"]
        for name, variable, socket in (
            ("postgres", "DATABASE_URL", _postgres_socket),
            ("redis", "REDIS_URL", _redis_socket),
        ):
            url = self.environment[variable]
            door = self._doors.open(name, proxy.to_socket(socket(url)), self._chance)
            self.door[name] = door
            self.environment[variable] = _through(url, door.port)

    def _add_children(self, name: str, command: str, count: int) -> None:
        super()._add_children(name, command, count)
        for child in self.children:
            if wanted := self.private.get(child.name):
                child._env = {**child._env, **wanted}


def _postgres_socket(url: str) -> str:
    folder = unquote(urlsplit(url).query.partition("host=")[2])
    return f"{folder}/.s.PGSQL.5432"


def _redis_socket(url: str) -> str:
    return unquote(urlsplit(url).path)


def _through(url: str, port: int) -> str:
    """The same server by the door."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    place = f"127.0.0.1:{port}"
    if parts.scheme == "unix":
        return f"redis://{login}@{place}"
    # Without TLS and Kerberos, which nobody offers here, a door sees words that it knows.
    plain = "sslmode=disable&gssencmode=disable"
    return f"postgresql://{login}@{place}{parts.path}?{plain}"


@dataclass
class Fakes:
    """The fake providers in a process of their own."""

    ledger: Path
    process: subprocess.Popen[str] = field(init=False)
    port: int = 0

    def start(self, slack_tokens: list[str]) -> None:
        command = [sys.executable, "-m", "tocsin.demo.fakes", "--fsync", "--ledger",
                   str(self.ledger)]  # fmt: skip
        for token in slack_tokens:
            command += ["--token", token]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY, start_new_session=True
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise SetupError("the fake providers did not start")
        self.port = int(line.rpartition(":")[2])

    def command(self, **given: object) -> None:
        """A word to their remote control."""
        url = f"http://127.0.0.1:{self.port}/_control"
        httpx.post(url, json=given, timeout=10, trust_env=False).raise_for_status()

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        if self.process.stdout is not None:
            self.process.stdout.close()


def armed(folder: Path) -> Path:
    """The Procfile of the product, whose workers load `tests.faults.armed` as well."""
    text = (REPOSITORY / "Procfile").read_text()
    file = folder / "Procfile"
    file.write_text(text.replace("dramatiq actors ", "dramatiq actors tests.faults.armed "))
    return file


@contextlib.contextmanager
def supervised(supervisor: Proxied) -> Iterator[None]:
    """Ready for the length of a block. One thread starts and revives: children die with it."""
    stop, ready = threading.Event(), threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            supervisor.start()
            if supervisor.wait_ready(stop):
                ready.set()
                supervisor.watch(stop)
        except BaseException as error:  # handed to the caller below
            failed.append(error)
        finally:
            ready.set()
            supervisor.stop()

    thread = threading.Thread(target=work, name="supervisor")
    thread.start()
    try:
        ready.wait()
        if failed:
            raise failed[0]
        yield
    finally:
        stop.set()
        thread.join()
        if failed:
            raise failed[0]
