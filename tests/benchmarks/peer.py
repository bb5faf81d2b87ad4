"""The peer: Alertmanager, a new process for each cell, since it holds all it knows in memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from tests import alertmanager
from tests.benchmarks import systems


class Peer:
    """Alertmanager as a System. It has dealt with an alert by the time it answers."""

    name = "alertmanager"

    def __init__(self, program: str) -> None:
        self._program = program
        self._running: alertmanager.Alertmanager | None = None

    @contextmanager
    def fresh(self, hook: str) -> Iterator[systems.Target]:
        config = systems.policy("webhook_configs", hook)
        port = systems.free_port()
        with alertmanager.running(self._program, config, port) as self._running:
            yield systems.Target(port)
        self._running = None

    def roots(self) -> dict[str, list[int]]:
        return {self.name: [self._here().process.pid]}

    def processed(self, target: systems.Target) -> int:
        metric = "alertmanager_alerts_received_total"
        return int(self._here().metric(metric, status="firing"))

    def idle(self) -> bool:
        return True

    def give_up(self) -> None:
        pass

    def settle(self) -> None:
        pass

    def _here(self) -> alertmanager.Alertmanager:
        assert self._running is not None
        return self._running
