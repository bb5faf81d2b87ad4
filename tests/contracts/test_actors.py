"""Every stage and every channel has its actor, and no actor of rows is retried by the broker."""

from __future__ import annotations

import json
import subprocess
import sys

import channels
from workers import queues

LIST = """
import json, dramatiq, actors
found = dramatiq.get_broker().actors.values()
print(json.dumps({a.actor_name: [a.queue_name, a.options.get("max_retries")] for a in found}))
"""


def declared() -> dict[str, tuple[str, int]]:
    """The actors of a worker process: in one of its own, because importing them makes a broker."""
    environment = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://nowhere/"}
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIST], env=environment, text=True, check=True,
        capture_output=True, timeout=60,
    )  # fmt: skip
    return dict(json.loads(found.stdout))


def test_stages_flush_and_each_channel_are_actors_that_the_broker_never_retries() -> None:
    actors = declared()
    wanted = {*queues.STAGES, *queues.TIMERS.values(), *map(queues.deliver, channels.REGISTRY)}
    assert wanted <= actors.keys()
    assert {name: retries for name, (_, retries) in actors.items() if retries != 0} == {}
    assert {actors[stage][0] for stage in queues.STAGES} == {queues.PIPELINE}


def test_pyod_is_not_imported_by_any_of_them() -> None:
    check = "import sys, actors; assert not {'pyod', 'sklearn', 'sqlmodel'} & sys.modules.keys()"
    environment = {"REDIS_URL": "redis://127.0.0.1:1/0", "DATABASE_URL": "postgresql://nowhere/"}
    subprocess.run([sys.executable, "-c", check], env=environment, check=True, timeout=60)
