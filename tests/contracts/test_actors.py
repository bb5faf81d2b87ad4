"""Every stage and every channel has its actor, and no actor of rows is retried by the broker."""

from __future__ import annotations

import functools
import json
import subprocess
import sys

import channels
from workers import queues

LIST = """
import json, sys, dramatiq, actors
found = dramatiq.get_broker().actors.values()
declared = {a.actor_name: [a.queue_name, a.options.get("max_retries")] for a in found}
print(json.dumps([declared, sorted(sys.modules)]))
"""


@functools.cache
def imported() -> tuple[dict[str, tuple[str, int]], set[str]]:
    """The actors of a worker process, and all modules that it has: in one of its own, because
    importing them makes a broker."""
    environment = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://nowhere/"}
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIST], env=environment, text=True, check=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    actors, modules = json.loads(found.stdout)
    return actors, set(modules)


def test_stages_flush_and_each_channel_are_actors_that_the_broker_never_retries() -> None:
    actors, _ = imported()
    wanted = {*queues.STAGES, *queues.TIMERS.values(), *map(queues.deliver, channels.REGISTRY)}
    assert wanted <= actors.keys()
    assert {name: retries for name, (_, retries) in actors.items() if retries != 0} == {}
    assert {actors[stage][0] for stage in queues.STAGES} == {queues.PIPELINE}


def test_pyod_is_not_imported_by_any_of_them() -> None:
    _, modules = imported()
    assert "actors" in modules
    assert not {"pyod", "sklearn", "sqlmodel"} & modules
