"""Draws which faults come when, and plays them one after the other."""

from __future__ import annotations

import importlib
import pkgutil
import random
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from typing import Any, cast

from tests.faults import faults
from tests.faults.bench import Bench, Profile

#: A fault: for the length of the block it is so; it gives what it was done to.
Under = Callable[[Bench, random.Random], AbstractContextManager[str]]
#: How many faults a quick run draws.
QUICK = (6, 8)
#: How many a run of a soak draws, and which each of them has beside these.
SOAK, ALWAYS = (5, 5), "clock_jump"
#: Before the first fault all is well for so many seconds.
CALM = 4.0
#: Between two faults there are so many seconds, in which all is well again.
PAUSE = (0.3, 1.2)


@dataclass(frozen=True)
class Fault:
    """One file of the folder ``faults``."""

    name: str
    #: Seconds in a quick run and in a soak.
    quick: float
    soak: float
    under: Under
    #: Why it cannot be had here, "" if it can. Asked before the start.
    missing: Callable[[], str]
    #: What it needs of the installation before that starts.
    prepare: Callable[[Bench], None]
    #: It lasts from the first fault to the last one, beside all others but those of its kind.
    throughout: bool
    #: The part of the world that it takes away.
    kind: str


def load() -> dict[str, Fault]:
    """All faults, by name."""
    found = {}
    for info in pkgutil.iter_modules(faults.__path__):
        if info.name.startswith("_"):
            continue
        module: Any = importlib.import_module(f"{faults.__name__}.{info.name}")
        quick, soak = module.SECONDS
        found[info.name] = Fault(
            info.name, quick, soak, cast(Under, module.under),
            getattr(module, "missing", lambda: ""),
            getattr(module, "prepare", lambda bench: None),
            getattr(module, "THROUGHOUT", False),
            info.name.partition("_")[0],
        )  # fmt: skip
    return dict(sorted(found.items()))


def draw(chance: random.Random, known: Mapping[str, Fault], profile: Profile) -> list[Fault]:
    """The faults of a run in their order."""
    by_name = dict(known)
    drawn = chance.sample(sorted(by_name), chance.randint(*(SOAK if profile == "soak" else QUICK)))
    if profile == "soak" and ALWAYS not in drawn:
        drawn.insert(chance.randint(0, len(drawn)), ALWAYS)
    first = [by_name[name] for name in drawn if by_name[name].throughout][:1]
    # Beside what is gone all the while, nothing else is done to it.
    away = {fault.kind for fault in first}
    rest = [by_name[name] for name in drawn if not by_name[name].throughout]
    return first + [fault for fault in rest if fault.kind not in away]


class Nemesis(threading.Thread):
    """Plays the plan. What went wrong with playing it is in `broken`."""

    def __init__(self, bench: Bench, plan: list[Fault], chance: random.Random) -> None:
        super().__init__(name="nemesis")
        self.broken: list[str] = []
        self._bench, self._plan, self._chance = bench, plan, chance

    def run(self) -> None:
        with ExitStack() as stack:
            self._bench.over.wait(CALM)
            for fault in self._plan:
                if fault.throughout:
                    stack.enter_context(_Play(self, fault))
                    continue
                if self._bench.over.wait(self._chance.uniform(*PAUSE)):
                    return
                with _Play(self, fault):
                    self._bench.over.wait(self._bench.seconds(fault.quick, fault.soak))

    def play(self, fault: Fault) -> AbstractContextManager[str]:
        return fault.under(self._bench, random.Random(self._chance.random()))

    def note(self, fault: Fault, phase: str, target: str = "", note: str = "") -> None:
        self._bench.note(fault=fault.name, target=target, phase=phase, note=note)


class _Play:
    """A fault between its two lines of the ledger. One that cannot be played is noted as that."""

    def __init__(self, nemesis: Nemesis, fault: Fault) -> None:
        self._nemesis, self._fault = nemesis, fault
        self._played: AbstractContextManager[str] | None = None
        self._target = ""
        self._began = 0.0

    def __enter__(self) -> None:
        self._began = time.monotonic()
        try:
            played = self._nemesis.play(self._fault)
            self._nemesis.note(self._fault, "begin")
            self._target = played.__enter__()
            self._played = played
        except Exception as error:
            self._broken("begin", error)

    def __exit__(self, *raised: Any) -> None:
        try:
            if self._played is not None:
                self._played.__exit__(None, None, None)
        except Exception as error:
            self._broken("end", error)
        took = f"{time.monotonic() - self._began:.1f} s"
        self._nemesis.note(self._fault, "end", self._target, took)

    def _broken(self, phase: str, error: Exception) -> None:
        self._nemesis.broken.append(f"{self._fault.name}, {phase}: {error!r}")
