"""The hall of the actors: the scoring process works in it when a test rings it."""

from __future__ import annotations

from tests.actors.conftest import hall, opened, travel

__all__ = ["hall", "opened", "travel"]
