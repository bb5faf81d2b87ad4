"""For channels that end inside of the house: there is nobody to answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.contracts import providers
from tocsin.demo.fakes import server

OUTCOMES: list[providers.Outcome] = []


class Provider:
    """Is sent nothing."""

    port = 0
    trust = None
    trouble = None
    requests: Sequence[providers.Asked] = ()

    @property
    def places(self) -> dict[str, str]:
        return {}

    async def start(self) -> None:
        """There is nothing to start."""

    async def stop(self) -> None:
        """Nor to stop."""

    def forget(self) -> None:
        """Nothing was sent."""

    def accept(self, accepted: Any) -> None:
        """It never answers."""

    def answer(self, reply: Any) -> None:
        raise AssertionError("there is nobody who could answer")

    def misbehave(self, manner: server.Manner) -> None:
        raise AssertionError("there is nobody who could misbehave")
