"""Inhibition as Alertmanager's users write it: one alert makes others redundant."""

from __future__ import annotations

from pydantic import Field

from schemas.parts import Label, Name, Written


class InhibitRule(Written):
    """While an alert that matches the source fires, those that match the target are not told of."""

    name: Name | None = Field(None, description="How explanations call it; else its number.")
    source_matchers: list[str] = Field([], description="Conditions on what inhibits; all hold.")
    target_matchers: list[str] = Field([], description="Conditions on what is inhibited.")
    equal: list[Label] = Field(
        [], description="Labels that must say the same in both; one that is missing is empty."
    )
