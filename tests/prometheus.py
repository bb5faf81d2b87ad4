"""A real Prometheus on the loopback with one rule, as Debian packages it."""

from __future__ import annotations

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

MISSING = (
    "there is no Prometheus: install Debian's prometheus (apt-get install --no-install-recommends"
    " prometheus; its service need not run)"
)
_START_SECONDS = 30.0
_STOP_SECONDS = 5.0
#: Every other label of the two senders of a pair is the same.
_CONFIG = """
global:
  evaluation_interval: 1s
  external_labels: {{replica: {replica}}}
alerting:
  alert_relabel_configs: [{{regex: replica, action: labeldrop}}]
  alertmanagers:
    - path_prefix: {prefix}
      authorization: {{type: Bearer, credentials: {token}}}
      static_configs: [{{targets: ['{target}']}}]
rule_files: [rules.yml]
"""
_RULES = """
groups:
  - name: story
    rules:
      - alert: {name}
        expr: {expression}
        labels: {{severity: critical}}
        annotations: {{summary: 'it is {{{{ $value }}}}'}}
"""


@dataclass(frozen=True)
class Target:
    """Where it posts: host and port, what stands before /api/v2, and the token."""

    address: str
    prefix: str
    token: str


@dataclass(frozen=True)
class Prometheus:
    """A running one. Its data is gone when it ends."""

    port: int
    folder: Path
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def rule(self, name: str, expression: str) -> None:
        """From now on its one rule is this."""
        _write(self.folder, name, expression)
        self.process.send_signal(signal.SIGHUP)

    def fires(self) -> bool:
        """Whether its rule fires now."""
        return '"state":"firing"' in _get(f"{self.url}/api/v1/alerts")

    def metric(self, name: str) -> float:
        """The sum of all series of a metric."""
        lines = _get(f"{self.url}/metrics").splitlines()
        series = [line for line in lines if re.match(rf"{name}(\{{|\s)", line)]
        return sum(float(line.rpartition(" ")[2]) for line in series)

    def said(self) -> str:
        """Its log so far."""
        return (self.folder / "log").read_text(errors="replace")


def find() -> str | None:
    """The program, or None where there is none."""
    return shutil.which("prometheus")


@contextmanager
def running(
    program: str, port: int, target: Target, *, rule: tuple[str, str], replica: str = "a"
) -> Iterator[Prometheus]:
    """Start it on `port`, and end it with the block; `rule` is the alert and its expression."""
    folder = Path(tempfile.mkdtemp(prefix="prometheus-"))
    config = _CONFIG.format(
        replica=replica, prefix=target.prefix, token=target.token, target=target.address
    )
    (folder / "prometheus.yml").write_text(config)
    _write(folder, *rule)
    command = [
        program, f"--config.file={folder / 'prometheus.yml'}", "--log.level=warn",
        f"--storage.tsdb.path={folder / 'data'}", f"--web.listen-address=127.0.0.1:{port}",
        "--rules.alert.resend-delay=1s",
    ]  # fmt: skip
    with (folder / "log").open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=processes.die_with_parent(signal.SIGKILL),
        )
    try:
        started = Prometheus(port, folder, process)
        _await_ready(started)
        yield started
    finally:
        processes.end(process, signal.SIGTERM, _STOP_SECONDS)
        shutil.rmtree(folder, ignore_errors=True)


def _write(folder: Path, name: str, expression: str) -> None:
    (folder / "rules.yml").write_text(_RULES.format(name=name, expression=expression))


def _await_ready(started: Prometheus) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        try:
            _get(f"{started.url}/-/ready")
            return
        except (urllib.error.URLError, OSError):
            if started.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Prometheus did not start: {started.said()}") from None
        time.sleep(0.05)


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=10) as response:
        return str(response.read().decode())
