"""Living through scenarios: Alertmanager in real time, we all at once as time travels."""

from __future__ import annotations

import time
from collections.abc import Sequence

import httpx

from tests import alertmanager
from tests.differential import comparing, scenarios, systems, translating
from tests.differential.comparing import Said
from tests.differential.scenarios import Scenario
from tests.e2e.conftest import Stack, Tenant, eventually, free_port
from tocsin.demo import fakes

#: Seconds of a unit as time travels: so long a busy machine may need for one moment, and less.
UNIT = 120.0
#: A step of Alertmanager's that was done later than this, in units, may have missed a tick.
LATE = 0.6
#: At odd times groups are due a little later than on the dot, for their alerts came a little later.
LATER = 0.4
WAITS = """
SELECT (SELECT count(*) FROM inbox) + (SELECT count(*) FROM timer WHERE due_at <= tocsin_now())
  + (SELECT count(*) FROM delivery WHERE state IN ('pending', 'sending')) AS n
"""


def theirs(
    program: str, sink: fakes.Fakes, client: httpx.Client, scenario: Scenario, unit: float
) -> list[Said] | None:
    """What a real Alertmanager tells; None: the machine was too busy to do the steps in time."""
    path = f"/hook/{scenario.name}"
    late = 0.0
    config = scenarios.timed(scenario.config, unit).replace("{hook}", sink.url + path)
    with alertmanager.running(program, config, free_port()) as running:
        hand = systems.Hand(systems.Theirs(running, client), time.time)
        start = time.time() + unit / 2
        for step in scenario.steps:
            _until(start + step.at * unit)
            hand.do(step)
            late = max(late, time.time() - start - step.at * unit)
        _until(start + scenario.length * unit)
        return _seen(sink, path, start, unit) if late < LATE * unit else None


def ours(stack: Stack, some: Sequence[Scenario]) -> dict[str, list[Said]]:
    """What we tell in each of these scenarios, by name: every one is a tenant."""
    tenants = [_tenant(stack, each) for each in some]
    hands = [systems.Hand(systems.Ours(tenant), stack.now) for tenant in tenants]
    start = stack.now() + UNIT
    for moment in range(max(each.length for each in some) + 1):
        _travel(stack, start + (moment + LATER * (moment % 2)) * UNIT)
        for scenario, hand in zip(some, hands, strict=True):
            for step in scenario.steps:
                if step.at == moment:
                    hand.do(step)
        _quiet(stack, tenants)
        lateness = stack.now() - start - (moment + LATER * (moment % 2)) * UNIT
        assert lateness < LATER * UNIT, f"this machine needs {lateness:.0f} s for one moment"
    return {
        scenario.name: _seen(stack.providers, f"/hook/{tenant.slug}", start, UNIT)
        for scenario, tenant in zip(some, tenants, strict=True)
    }


def _tenant(stack: Stack, scenario: Scenario) -> Tenant:
    tenant = stack.tenant(slug=scenario.name)
    hook = f"{stack.providers.url}/hook/{tenant.slug}"
    config = scenarios.timed(scenario.config, UNIT).replace("{hook}", hook)
    tenant.apply(translating.policy(config))
    return tenant


def _travel(stack: Stack, to: float) -> None:
    ahead = to - stack.now()
    if ahead > 0:
        stack.travel(ahead)


def _quiet(stack: Stack, tenants: Sequence[Tenant]) -> None:
    """Wait until nothing of any of them is due any more."""

    def idle() -> bool:
        with stack.record.session([tenant.id for tenant in tenants]) as tx:
            return not tx.rows(WAITS)[0]["n"]

    eventually(idle, within=60)


def _seen(sink: fakes.Fakes, path: str, start: float, unit: float) -> list[Said]:
    calls = sink.ledger.calls(provider="webhook")
    mine = [entry for entry in calls if entry.dest.startswith(path + "/")]
    return comparing.read(mine, start, unit)


def _until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.time()))
