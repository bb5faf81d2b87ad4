"""A real Alertmanager on the loopback, as Debian packages it or as $ALERTMANAGER names it."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tocsin import processes

PACKAGE = "prometheus-alertmanager"
MISSING = (
    f"there is no Alertmanager: install Debian's {PACKAGE} (apt-get install --no-install-recommends"
    f" {PACKAGE}; its service need not run), or let $ALERTMANAGER name the program"
)
_NAMES = (PACKAGE, "alertmanager")
_START_SECONDS = 20.0
_STOP_SECONDS = 5.0


@dataclass(frozen=True)
class Alertmanager:
    """A running one. Its data is gone when it ends."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def metric(self, name: str, **labels: str) -> float:
        """The sum of all series of a metric that carry these labels."""
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        lines = _get(f"{self.url}/metrics").splitlines()
        series = [line for line in lines if re.match(rf"{name}(\{{|\s)", line)]
        return sum(
            float(line.rpartition(" ")[2]) for line in series if all(w in line for w in wanted)
        )

    def said(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace")


def find() -> str | None:
    """The program, or None where there is none."""
    named = os.environ.get("ALERTMANAGER")
    names = (named,) if named else _NAMES
    return next((found for name in names if (found := shutil.which(name))), None)


def tool(name: str) -> str | None:
    """`amtool`, which comes with the package, or one of Prometheus's; None where there is none."""
    return shutil.which(name)


def version(program: str) -> str:
    done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version ([^ ,]+)", done.stdout + done.stderr)
    return found[1] if found else "unknown"


@contextmanager
def running(program: str, config: str, port: int) -> Iterator[Alertmanager]:
    """Start it on `port` with this configuration, alone, and end it with the block.

    Raises RuntimeError with its log where it does not get ready: Debian's wants its templates
    below /usr/share/prometheus/alertmanager.
    """
    folder = Path(tempfile.mkdtemp(prefix="alertmanager-"))
    (folder / "config.yml").write_text(config)
    command = [
        program, f"--config.file={folder / 'config.yml'}", f"--storage.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=", "--log.level=warn",
    ]  # fmt: skip
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(signal.SIGKILL),
        )
    try:
        started = Alertmanager(port, process, log)
        _await_ready(started)
        yield started
    finally:
        processes.end(process, signal.SIGTERM, _STOP_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _await_ready(started: Alertmanager) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            _get(f"{started.url}/-/ready")
            return
        except (urllib.error.URLError, OSError):
            if started.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Alertmanager did not start: {started.said()}") from None
        time.sleep(0.05)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())
