"""The processes of the Procfile as the launcher sees them: started, watched, heard, stopped."""

from __future__ import annotations

import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TextIO

from tocsin import nursery, processes
from tocsin.errors import SetupError
from tocsin.nursery import Nursery
from tocsin.processes import Process

#: Seconds before the n-th restart in a row; the first comes at once.
BACK_OFF = (0.0, 0.5, 1.0, 2.0, 5.0)
#: Who lived this long starts the row anew.
STEADY_SECONDS = 30.0
_WAITING_LINES = 10_000


@dataclass
class Restarts:
    """When something that died may be started again."""

    row: int = 0
    not_before: float = 0.0
    started: float = field(default_factory=time.monotonic)

    def died(self) -> float:
        """Note a death; returns the seconds to wait."""
        now = time.monotonic()
        if now - self.started > STEADY_SECONDS:
            self.row = 0
        wait = BACK_OFF[min(self.row, len(BACK_OFF) - 1)]
        self.row += 1
        self.not_before = now + wait
        return wait

    @property
    def due(self) -> bool:
        return time.monotonic() >= self.not_before


class Printer:
    """Writes lines of all children to one stream, each with the name of who said it.

    The children never wait for it: a terminal that nobody reads must not stop paging, so what
    does not fit into the queue is counted and dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING_LINES)
        self._dropped = 0
        self._thread = threading.Thread(target=self._write, name="printer", daemon=True)
        self._thread.start()

    def line(self, name: str, text: str) -> None:
        try:
            self._lines.put_nowait(f"{name:<12} | {text}\n")
        except queue.Full:
            self._dropped += 1

    def follow(self, name: str, source: IO[bytes]) -> None:
        """Repeat what ``source`` says until it ends, in a thread of its own."""
        threading.Thread(
            target=self._repeat, args=(name, source), name=f"output of {name}", daemon=True
        ).start()

    def close(self) -> None:
        """Write what is waiting, for a second at most."""
        try:
            self._lines.put(None, timeout=1)
        except queue.Full:
            return
        self._thread.join(1)

    def _repeat(self, name: str, source: IO[bytes]) -> None:
        with source:
            for line in source:
                self.line(name, line.decode(errors="replace").rstrip("\r\n"))

    def _write(self) -> None:
        while (line := self._lines.get()) is not None:
            dropped, self._dropped = self._dropped, 0
            if dropped:
                line += f"{'tocsin':<12} | {dropped} lines were dropped: nobody reads them\n"
            try:
                self._stream.write(line)
                self._stream.flush()
            except (OSError, ValueError):
                return  # the terminal is gone; supervising goes on


class Child:
    """One process of the Procfile, in a session of its own."""

    def __init__(
        self, name: str, command: list[str], env: Mapping[str, str], folder: Path,
        printer: Printer, nursery: Nursery,
    ) -> None:  # fmt: skip
        self.name, self.command = name, command
        self.restarts = Restarts()
        self.process: Process | None = None
        self._env, self._folder, self._printer, self._nursery = env, folder, printer, nursery

    def start(self) -> None:
        """Raises SetupError where the program cannot be run."""
        self.process = self._begun()
        self.restarts.started = time.monotonic()
        assert self.process.stdout is not None
        self._printer.follow(self.name, self.process.stdout)

    def _begun(self) -> Process:
        if nursery.can_bear(self.command):
            return self._nursery.bear(self.command, self._env, self._folder)
        try:
            return subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=dict(self._env),
                start_new_session=True,
                preexec_fn=processes.die_with_parent(signal.SIGTERM),
            )
        except OSError as error:
            raise SetupError(f"{self.name}: cannot run {self.command[0]}: {error}") from error

    def revive(self) -> None:
        """Call often: notices a death, and starts it again once its back-off is over."""
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            processes.kill_group(self.process)  # the workers of a master that is no more
            self.process = None
            wait = self.restarts.died()
            self._printer.line("tocsin", f"{self.name} ended ({code}), starts again in {wait:g} s")
        if self.restarts.due:
            try:
                self.start()
            except SetupError as error:
                self._printer.line("tocsin", error.message)
                self.restarts.died()


def stop(children: list[Child], deadline: float) -> list[str]:
    """SIGTERM to each master alone, all at once; returns who had to be killed after ``deadline``.

    Not to the group: Dramatiq's master tells its workers itself, and a worker that is told twice
    gives up at once and leaves its messages behind. ``deadline`` is of time.monotonic().
    """
    running = [child for child in children if child.process is not None]
    for child in running:
        if child.process is not None and child.process.poll() is None:
            child.process.send_signal(signal.SIGTERM)
    killed = []
    for child in running:
        assert child.process is not None
        if not processes.wait(child.process, deadline - time.monotonic()):
            killed.append(child.name)
        processes.kill_group(child.process)
        child.process = None
    return killed
