"""Steps of escalations as tables for people."""

from __future__ import annotations

from typing import Any

from tocsin.cli import _clocks

COLUMNS = ("at", "state", "urgency", "ways", "sentence")


def table(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Steps as rows: by what somebody is told, and the sentence with who is not and why.

    Times are those of whoever is told first; of a step that tells no person, UTC.
    """
    return [
        {
            **_clocks.told(step, ("at",), _zone(step)),
            "ways": [_way(way, _zone(step)) for who in step["who"] for way in who["ways"]],
            "sentence": " ".join([step["sentence"], *(f"({said})" for said in step["missed"])]),
        }
        for step in steps
    ]


def _zone(step: dict[str, Any]) -> str:
    return next((who["zone"] for who in step["who"] if who["zone"]), "UTC")


def _way(way: dict[str, Any], zone: str) -> str:
    said: str = way["integration"]
    if way["state"]:
        said += f"={way['state']}"
    return f"{said}@{_clocks.shown(way['held_until'], zone)}" if way["held_until"] else said
