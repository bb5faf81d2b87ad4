"""What a demo has to show: how far it is, what was said, and the figures of this moment."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from tocsin.demo.counts import Counts
from tocsin.demo.play import Player
from tocsin.demo.stage import Stage


@dataclass
class Board:
    """What is on show. `seconds` None: there is no end."""

    stage: Stage
    seconds: float | None
    player: Player = field(init=False)
    phase: str = "starting"
    began: float = field(default_factory=time.monotonic)
    now: Counts = field(default_factory=Counts)
    said: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.player = Player(self.stage, self.say)

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def say(self, what: str) -> None:
        """Tell the viewer what happens."""
        self.said.append((self.elapsed, what))
