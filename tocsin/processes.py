"""Starting and ending child processes so that none is ever left behind."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Protocol

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Process(Protocol):
    """What `subprocess.Popen[bytes]` and a child of the nursery have in common."""

    pid: int

    @property
    def stdout(self) -> IO[bytes] | None: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


def die_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """A ``preexec_fn`` that asks Linux to send ``how`` to the child when its parent dies.

    The trap: "parent" means the *thread* that started the child, so children must be started
    from a thread that lives as long as they do. The wish survives the change of user because
    ``preexec_fn`` runs after it. None where the system has no such thing.
    """
    if _LIBC is None:
        return None
    libc, parent = _LIBC, os.getpid()

    def wish() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)
        if os.getppid() != parent:  # it died before the wish was heard
            os._exit(1)

    return wish


def command_line(pid: int) -> str:
    """What process ``pid`` runs, its arguments parted by blanks; empty if there is none."""
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return ""
        return raw.replace(b"\0", b" ").decode(errors="replace").strip()
    shown = subprocess.run(
        ["ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.strip()


def wait_gone(pid: int, seconds: float) -> bool:
    """True as soon as ``pid`` (not our child) is no longer there; False after ``seconds``."""
    deadline = time.monotonic() + seconds
    while command_line(pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def end(process: Process, how: signal.Signals, seconds: float) -> bool:
    """Signal ``process`` alone and wait; True if it went by itself, else its group is killed."""
    if process.poll() is None:
        process.send_signal(how)
    return wait(process, seconds)


def wait(process: Process, seconds: float) -> bool:
    """True if ``process`` goes by itself within ``seconds``, else its group is killed."""
    try:
        process.wait(max(seconds, 0.01))
    except subprocess.TimeoutExpired:
        kill_group(process)
        return False
    return True


def kill_group(process: Process) -> None:
    """SIGKILL the whole session of a child that was started with ``start_new_session=True``."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
