"""Starts a whole installation from a Procfile, keeps it running, and takes it down in order.

PostgreSQL and Valkey come first and go last; SIGTERM goes to the master process of each line
alone; what dies is started again; if the launcher itself is killed, all of it ends with it.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TextIO

from tocsin import children, embedded, homes, installation, processes, procfile
from tocsin.children import Child, Printer, Restarts
from tocsin.embedded import Server
from tocsin.errors import SetupError, TocsinError
from tocsin.nursery import Nursery

Options = installation.Options
READY_SECONDS = 120.0
#: All of the Procfile is down after this; the clock, which rings the others, gets its end of it.
STOP_SECONDS = 20.0
_CLOCK_SECONDS = 4.0
_PORT_SECONDS = 3.0
_TICK = 0.1
#: What the Procfile's processes have in common. The scorer's libraries are not among it.
_SHARED_CODE = ("channels", "dramatiq.cli", "scheduler.clock", "tocsin.serve", "uvicorn.main")


class Supervisor:
    """A running installation. All methods are for one thread, which must outlive it."""

    def __init__(
        self, options: Options, *, stream: TextIO | None = None, shared: Nursery | None = None
    ) -> None:
        self.options = options
        self.environment: dict[str, str] = {}
        self.token_file: Path | None = None
        self.children: list[Child] = []
        self.servers: dict[str, Server] = {}
        self._revivals: dict[str, Restarts] = {}
        self._printer = Printer(stream or sys.stderr)
        self._lock: IO[str] | None = None
        self._shared = shared
        self._nursery = shared or nursery(options.procfile_path.parent)

    def start(self) -> None:
        """Start everything, in order; on an error all that was started is stopped again.

        Raises SetupError. What it started may not be ready yet: see `wait_ready`.
        """
        try:
            commands = procfile.read(self.options.procfile_path)
            counts = procfile.scale(self.options.scale, commands)
            self._lock = homes.lock(self.options.home)
            _check_port(self.options.host, self.options.port)
            _check_port(self.options.host, self.options.port + 1)
            if self.options.procfile is None:
                self._nursery.begin()  # imports while the servers start
            self._start_servers()
            for name, command in commands.items():
                self._add_children(name, command, counts[name])
            for child in self.children:
                child.start()
        except BaseException:  # re-raised
            self.stop()
            raise

    def wait_ready(self, stop: threading.Event, seconds: float = READY_SECONDS) -> bool:
        """True once the web process says that it is ready; False when told to ``stop``."""
        deadline = time.monotonic() + seconds
        while not _answers(f"{self.options.url}/-/ready"):
            if stop.wait(_TICK):
                return False
            if time.monotonic() > deadline:
                raise SetupError(
                    f"not ready after {seconds:g} s: {self.options.url}/-/ready does not answer "
                    "200; see what the processes said above"
                )
            self.revive()
        return True

    def watch(self, stop: threading.Event) -> None:
        """Start again what dies, until ``stop`` is set."""
        while not stop.wait(_TICK):
            self.revive()

    def revive(self) -> None:
        """Look at each process once."""
        for name, server in list(self.servers.items()):
            if server.process.poll() is not None:
                self._revive_server(name)
        for child in self.children:
            child.revive()

    def stop(self) -> None:
        """Workers and edges, then the clock, then Valkey, then PostgreSQL."""
        deadline = time.monotonic() + STOP_SECONDS
        clocks = [child for child in self.children if child.name.split(".")[0] == "clock"]
        others = [child for child in self.children if child not in clocks]
        killed = children.stop(others, deadline - _CLOCK_SECONDS)
        killed += children.stop(clocks, deadline)
        if self._shared is None:
            self._nursery.close()
        for name in ("valkey", "postgres"):
            server = self.servers.pop(name, None)
            if server is not None and not server.stop():
                killed.append(name)
        if killed:
            self._printer.line("tocsin", f"had to kill {', '.join(killed)}")
        self.children = []
        self._printer.close()
        if self._lock is not None:
            (self.options.home / "run" / "env.json").unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def _start_servers(self) -> None:
        home = self.options.home
        database_url = owner_url = os.environ.get("DATABASE_URL", "")
        own = not database_url
        if own:
            self.servers["postgres"] = embedded.start_postgres(home)
            owner_url = self.servers["postgres"].url
        redis_url = os.environ.get("REDIS_URL", "")
        if not redis_url:
            self.servers["valkey"] = embedded.start_valkey(home)
            redis_url = self.servers["valkey"].url
        self._revivals = {name: Restarts() for name in self.servers}
        if not own:
            owner_url = os.environ.get("TOCSIN_OWNER_URL", "")
        database_url = installation.prepare_database(database_url, owner_url, embedded=own)
        installation.make_secrets(home)
        self.environment = installation.environment(
            self.options, database_url, redis_url, os.environ
        )
        self.token_file = installation.first_tenant(home, database_url)
        installation.note_environment(self.options, self.environment)

    def _add_children(self, name: str, command: str, count: int) -> None:
        """Further processes of one line get ports 10, 20, ... above the first one's."""
        for number in range(count):
            env = dict(self.environment)
            for port in ("PORT", "INGEST_PORT"):
                env[port] = str(int(env[port]) + 10 * number)
            words = procfile.arguments(command, env)
            shown = f"{name}.{number + 1}" if count > 1 else name
            folder = self.options.procfile_path.parent
            command_line = _found(words, env)
            self.children.append(
                Child(shown, command_line, env, folder, self._printer, self._nursery)
            )

    def _revive_server(self, name: str) -> None:
        restarts = self._revivals[name]
        if not restarts.due:
            return
        start = {"postgres": embedded.start_postgres, "valkey": embedded.start_valkey}[name]
        processes.kill_group(self.servers[name].process)
        self._printer.line("tocsin", f"{name} ended, starts again")
        restarts.died()
        try:
            self.servers[name] = start(self.options.home)
            restarts.started = time.monotonic()
        except TocsinError as error:
            self._printer.line("tocsin", f"{name}: {error.message}")


def nursery(folder: Path) -> Nursery:
    """Where the processes of installations come from. It may serve several, one after the other,
    if whoever makes it calls its `begin` in a thread that outlives them."""
    return Nursery(folder, installation.basis(os.environ), _SHARED_CODE)


def run(options: Options, *, ready: Callable[[Supervisor], None]) -> None:
    """`tocsin up`: until SIGTERM or SIGINT. Raises SetupError."""
    stop = threading.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(wanted, lambda *_: stop.set())
    _supervise(Supervisor(options), stop, ready)


@contextmanager
def running(
    options: Options, *, stream: TextIO | None = None, shared: Nursery | None = None
) -> Iterator[Supervisor]:
    """A ready installation for the length of a block, supervised by a thread of its own.

    Its processes come from the ``shared`` nursery if there is one.
    """
    stop, came = threading.Event(), threading.Event()
    got: list[Supervisor] = []
    failed: list[BaseException] = []

    def ready(supervisor: Supervisor) -> None:
        got.append(supervisor)
        came.set()

    def work() -> None:
        try:
            _supervise(Supervisor(options, stream=stream, shared=shared), stop, ready)
        except BaseException as error:  # handed to the caller below
            failed.append(error)
        finally:
            came.set()

    thread = threading.Thread(target=work, name="supervisor")
    thread.start()
    try:
        came.wait()
        if not got:
            raise failed[0] if failed else SetupError("the installation stopped by itself")
        yield got[0]
    finally:
        stop.set()
        thread.join()


def _supervise(
    supervisor: Supervisor, stop: threading.Event, ready: Callable[[Supervisor], None]
) -> None:
    supervisor.start()
    try:
        if supervisor.wait_ready(stop):
            ready(supervisor)
            supervisor.watch(stop)
    finally:
        supervisor.stop()


def _check_port(host: str, port: int) -> None:
    """Raises SetupError if ``port`` is taken, also a moment later: children that are just going."""
    deadline = time.monotonic() + _PORT_SECONDS
    while True:
        try:
            _try_port(host, port)
            return
        except OSError as error:
            if time.monotonic() > deadline:
                raise SetupError(
                    f"port {port} of {host} cannot be had ({error.strerror}): stop who has it or "
                    "choose another one with --port (the next higher one is needed too)"
                ) from error
        time.sleep(_TICK)


def _try_port(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        trial.bind((host, port))


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return bool(response.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _found(words: list[str], env: dict[str, str]) -> list[str]:
    """The command with its program looked up on the children's PATH instead of ours."""
    if "/" in words[0]:
        return words
    for folder in env["PATH"].split(os.pathsep):
        program = Path(folder) / words[0]
        if program.is_file():
            return [str(program), *words[1:]]
    raise SetupError(f"the Procfile runs {words[0]!r}, which is not on the PATH")
