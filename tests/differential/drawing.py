"""Random scenarios from a seed, kept off the few things in which we differ on purpose."""

from __future__ import annotations

import random

from tests.differential import scenarios
from tests.differential.scenarios import Scenario, Step

_ALERTS = (
    *(
        f"{name} cluster={cluster} severity={severity}"
        for name in ("A", "B", "C")
        for cluster in ("x", "y")
        for severity in ("warning", "info")
    ),
    "Down cluster=x severity=critical",
    "Down cluster=y severity=critical",
)
_ROUTES = """  routes:
    - matchers: [severity="info"]
      receiver: web
      group_by: [cluster]
      continue: true
    - matchers: [alertname=~"A|B"]
      receiver: db
"""
_INHIBIT = """inhibit_rules:
  - source_matchers: [severity="critical"]
    target_matchers: [severity="warning"]
    equal: [cluster]
"""
_LAST = 22
#: Silences of the draw: what they match, in a matcher and in words of an alert.
_SILENCES = {"of-a": ('alertname="A"', "A "), "of-info": ('severity="info"', "severity=info")}


def drawn(seed: int) -> Scenario:
    """A scenario: the same for the same seed."""
    chance = random.Random(seed)
    config = scenarios.config(
        by=chance.choice(("[alertname]", "[cluster]", "[]", "['...']", "[alertname, cluster]")),
        repeat=chance.choice((5, 7, 1001)),
        routes=chance.choice(("", _ROUTES)),
        more=chance.choice(("", _INHIBIT)),
        option=chance.choice(("", "", "send_resolved: false")),
    )
    play = _Play(chance)
    steps = tuple(play.step(at) for at in range(0, _LAST, 2))
    return Scenario(f"random-{seed}", config, steps)


class _Play:
    """What fires and what is silenced while steps are drawn."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._firing: set[str] = set()
        self._silenced: set[str] = set()
        #: What may have been held back a moment ago: its end is left alone until it was looked at.
        self._fresh: set[str] = set()

    def step(self, at: int) -> Step:
        quiet = self._held()
        idle = [text for text in _ALERTS if text not in self._firing]
        # Who ends while it is held back is told of by us only: see "end-under-a-silence".
        ending = sorted(self._firing - quiet - self._fresh)
        self._fresh = quiet
        roll = self._chance.random()
        if roll < 0.2:
            return self._silence(at)
        if (roll < 0.6 and idle) or not ending:
            some = self._chance.sample(idle, min(len(idle), self._chance.randint(1, 3)))
            self._firing.update(some)
            return Step(at, fire=tuple(some))
        over = self._chance.sample(ending, min(len(ending), self._chance.randint(1, 3)))
        self._firing.difference_update(over)
        return Step(at, end=tuple(over))

    def _silence(self, at: int) -> Step:
        name = self._chance.choice(sorted(_SILENCES))
        if name in self._silenced:
            self._silenced.remove(name)
            return Step(at, unsilence=name)
        self._silenced.add(name)
        return Step(at, silence=(name, _SILENCES[name][0]))

    def _held(self) -> set[str]:
        """What a silence or an inhibitor may hold back."""
        held = {t for t in _ALERTS if any(_SILENCES[name][1] in t for name in self._silenced)}
        for text in self._firing:
            if "severity=critical" in text:
                cluster = text.split()[1]
                held |= {t for t in _ALERTS if cluster in t and "severity=warning" in t}
        return held
