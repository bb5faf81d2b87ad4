"""Steps of escalations as tables for people."""

from __future__ import annotations

from typing import Any

COLUMNS = ("at", "state", "urgency", "ways", "sentence")


def table(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Steps as rows: by what somebody is told, and the sentence with who is not and why."""
    return [
        {
            **step,
            "ways": [_way(way) for who in step["who"] for way in who["ways"]],
            "sentence": " ".join([step["sentence"], *(f"({said})" for said in step["missed"])]),
        }
        for step in steps
    ]


def _way(way: dict[str, Any]) -> str:
    said: str = way["integration"]
    if way["state"]:
        said += f"={way['state']}"
    return f"{said}@{way['held_until']}" if way["held_until"] else said
