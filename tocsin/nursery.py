"""Children that are born ready: one Python process imports the product once and is forked.

Nine processes that each import all of it need twenty seconds of CPU before the first page can
go out, and two more each time that one dies. A fork of a process that has imported it needs
milliseconds, and shares the memory of the code with its siblings. Forking is only safe where
nothing runs beside it, so the nursery is a process of its own that has one thread, opens
nothing and reads no setting: who is born gets its environment, and only then does what its
words say. Programs that are not Python's are none of its business (`can_bear`).
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import importlib.metadata
import json
import os
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import setproctitle

from tocsin import processes
from tocsin.errors import SetupError

#: A wish: words, environment and folder of one process.
_LARGEST_WISH = 1 << 20
_NUMBER = struct.Struct("=q")
_BIRTH_SECONDS = 60.0


class Born:
    """A child of the nursery; as much of `subprocess.Popen` as the launcher needs."""

    def __init__(self, pid: int, words: list[str], stdout: IO[bytes], fate: socket.socket) -> None:
        self.pid, self.args, self.stdout = pid, words, stdout
        self.returncode: int | None = None
        self._fate = fate

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._fate], [], [], 0)[0]:
            said = _receive(self._fate)
            # Silence: the nursery itself has died, and takes its children along.
            self.returncode = -int(signal.SIGKILL) if said is None else said
            self._fate.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            select.select([self._fate], [], [], timeout)
        code = self.poll()
        if code is None:
            raise subprocess.TimeoutExpired(self.args, timeout or 0)
        return code

    def send_signal(self, wanted: int) -> None:
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, wanted)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


class Nursery:
    """The launcher's side. It and its children live as long as the thread that began it."""

    def __init__(self, folder: Path, env: Mapping[str, str], modules: Iterable[str]) -> None:
        self._folder, self._env, self._modules = folder, dict(env), list(modules)
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._wishes: socket.socket | None = None

    def begin(self) -> None:
        """Import beforehand; returns at once. Raises SetupError where Python cannot be run."""
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self.close()
                self._begin()

    def _begin(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "tocsin.nursery", str(theirs.fileno()), *self._modules],
                    stdin=subprocess.DEVNULL,
                    cwd=self._folder,
                    env=self._env,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                    preexec_fn=processes.die_with_parent(signal.SIGTERM),
                )
            except OSError as error:
                ours.close()
                raise SetupError(f"cannot run {sys.executable}: {error}") from error
        self._wishes = ours

    def bear(self, words: list[str], env: Mapping[str, str], folder: Path) -> Born:
        """Start what `words` say, in a session of its own. Raises SetupError."""
        self.begin()
        with self._lock:
            if self._wishes is None:
                raise SetupError(f"cannot start {words[0]}: the launcher is stopping")
            return self._bear(self._wishes, words, env, folder)

    def close(self) -> None:
        """End it; what it bore and still lives gets SIGTERM."""
        if self._wishes is not None:
            self._wishes.close()
            self._wishes = None
        if self._process is not None:
            processes.end(self._process, signal.SIGTERM, 2.0)
            self._process = None

    def _bear(
        self, wishes: socket.socket, words: list[str], env: Mapping[str, str], folder: Path
    ) -> Born:
        wish = json.dumps({"words": words, "env": dict(env), "folder": str(folder)}).encode()
        read, write = os.pipe()
        fate, told = socket.socketpair()
        try:
            with told:
                socket.send_fds(wishes, [wish], [write, told.fileno()])
            fate.settimeout(_BIRTH_SECONDS)
            pid = _receive(fate)
        except OSError as error:
            pid = None
            reason = str(error)
        else:
            reason = "the process that should have borne it died"
        finally:
            os.close(write)
        if pid is None:
            os.close(read)
            fate.close()
            raise SetupError(f"cannot start {words[0]}: {reason}")
        fate.settimeout(None)
        return Born(pid, words, os.fdopen(read, "rb"), fate)


def can_bear(words: list[str]) -> bool:
    """Whether these words are a Python program of our own environment."""
    return sys.platform == "linux" and _program(words) is not None


@dataclass(frozen=True)
class _Wish:
    words: list[str]
    env: dict[str, str]
    folder: str


def _receive(fate: socket.socket) -> int | None:
    """The next number that the nursery says; None where it says nothing more."""
    said = b""
    while len(said) < _NUMBER.size:
        more = fate.recv(_NUMBER.size - len(said))
        if not more:
            return None
        said += more
    number: int = _NUMBER.unpack(said)[0]
    return number


def _program(words: list[str]) -> Callable[[], None] | None:
    """What does as these words say, or None where only a new process can."""
    program = Path(words[0])
    if program.parent != Path(sys.executable).parent:
        return None
    if program.name.startswith("python"):
        return functools.partial(_module, words[2:]) if words[1:2] == ["-m"] else None
    found = importlib.metadata.entry_points(group="console_scripts", name=program.name)
    return next((functools.partial(_script, entry, words) for entry in found), None)


def _module(words: list[str]) -> None:
    sys.argv = words
    sys.modules.pop(words[0], None)  # it may be preloaded, and is wanted as `__main__`
    runpy.run_module(words[0], run_name="__main__", alter_sys=True)


def _script(entry: importlib.metadata.EntryPoint, words: list[str]) -> None:
    sys.argv = words
    sys.exit(entry.load()())


def main() -> None:
    """Preload, bear who is wished for, and, in each child, become it."""
    wishes = socket.socket(fileno=int(sys.argv[1]))
    gc.disable()  # nothing that is imported here becomes garbage: looking for it takes a tenth
    for name in sys.argv[2:]:
        importlib.import_module(name)
    gc.freeze()  # and no collection of a child shall touch the pages that it shares
    gc.enable()
    _become(_serve(wishes))


def _serve(wishes: socket.socket) -> _Wish:
    """Bear children until the launcher is gone. Returns in each child, with its wish."""
    heard, rung = socket.socketpair()
    rung.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(rung.fileno(), warn_on_full_buffer=False)
    living: dict[int, socket.socket] = {}
    while True:
        ready = select.select([wishes, heard], [], [])[0]
        if heard in ready:
            heard.recv(4096)
            _bury(living)
        if wishes not in ready:
            continue
        data, handed, _flags, _from = socket.recv_fds(wishes, _LARGEST_WISH, 2)
        if not data:
            sys.exit(0)
        output, told = handed[0], socket.socket(fileno=handed[1])
        obey = processes.die_with_parent(signal.SIGTERM)
        pid = os.fork()
        if pid == 0:
            for other in (wishes, heard, rung, told, *living.values()):
                other.close()
            _leave_home(output, obey)
            return _Wish(**json.loads(data))
        os.close(output)
        living[pid] = told
        told.sendall(_NUMBER.pack(pid))


def _leave_home(output: int, obey: Callable[[], None] | None) -> None:
    """Undo in a child what the nursery set up for itself."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    if obey is not None:
        obey()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _bury(living: dict[int, socket.socket]) -> None:
    """Say how those that have died ended."""
    while living:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with living.pop(pid) as told, contextlib.suppress(OSError):
            told.sendall(_NUMBER.pack(os.waitstatus_to_exitcode(status)))


def _become(wish: _Wish) -> None:
    # Before the environment changes: the title may need its memory, and looks for the old one.
    setproctitle.setproctitle(" ".join(wish.words))
    os.chdir(wish.folder)
    os.environ.clear()
    os.environ.update(wish.env)
    time.tzset()
    program = _program(wish.words)
    assert program is not None
    program()


if __name__ == "__main__":
    main()
