"""The same configuration and the same pushes to a real Alertmanager and to us: the same is told.

Alertmanager lives through the scenarios in real time, each in a process of its own. We live through
them in time that travels, all in one installation, so that nothing on our side depends on how busy
the machine is. A difference is believed when it is there at a quarter of the speed as well: what a
busy machine does to the races of Alertmanager is gone then.

Where we differ on purpose the scenario says so, and docs/alertmanager.md why.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests import alertmanager
from tests.differential import comparing, drawing, playing, scenarios
from tests.differential.comparing import Said
from tests.differential.scenarios import Scenario
from tocsin.demo import fakes

#: Seconds of a unit of the scenarios in real time; what differs is played again, more slowly.
SPEEDS = (1.0, 1.5, 2.5, 4.0, 4.0)
LATE = "the machine was too busy to do the steps in time: run this test alone"
SEED = int(os.environ.get("DIFFERENTIAL_SEED", "1"))
DRAWN = int(os.environ.get("DIFFERENTIAL_COUNT", "3"))
#: So many Alertmanagers at once.
AT_ONCE = 24


@pytest.fixture
def program() -> str:
    """The program; without it a user's machine may go on, but not CI."""
    found = alertmanager.find()
    if found is None and os.environ.get("CI"):
        pytest.fail(f"under CI this must not be left out: {alertmanager.MISSING}")
    if found is None:
        pytest.skip(alertmanager.MISSING)
    return found


@pytest.mark.timeout(1800)
def test_the_same_is_told(program: str, launch_stack: Callable[..., Any]) -> None:
    every = [*scenarios.SCENARIOS, *(drawing.drawn(SEED + number) for number in range(DRAWN))]
    with launch_stack() as stack:
        ours = playing.ours(stack, every)
    differing = {each.name: ["not played yet"] for each in every}
    for unit in SPEEDS:
        again = [each for each in every if differing[each.name]]
        for scenario, theirs in zip(again, played(program, again, unit), strict=True):
            found = None if theirs is None else (theirs, ours[scenario.name])
            differing[scenario.name] = comparing.differences(scenario, *found) if found else [LATE]
        if not any(differing.values()):
            return
    said = [f"  {name}: {one}" for name, some in differing.items() for one in some]
    raise AssertionError("\n".join(["Alertmanager and Tocsin differ:", *said]))


def played(program: str, some: Sequence[Scenario], unit: float) -> list[list[Said] | None]:
    """What Alertmanager tells in each of these scenarios."""
    with (
        fakes.serve(clock=time.time) as sink,
        httpx.Client(timeout=30) as client,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        return list(pool.map(lambda each: playing.theirs(program, sink, client, each, unit), some))
