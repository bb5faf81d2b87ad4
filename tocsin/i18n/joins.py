"""Why a group of alerts belongs to its incident, said for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tocsin import i18n


def sentence(reason: str, detail: Mapping[str, Any], confidence: float, locale: str = "en") -> str:
    """The sentence for a membership: its `reason`, its `detail`, how sure it is."""
    shared = detail.get("labels")
    # Zero steps: both are about the same service.
    key = "service" if reason == "services" and not detail.get("hops") else reason
    labels = shared if isinstance(shared, dict) else {}
    return i18n.say(
        f"belongs.{key}",
        locale,
        labels=", ".join(f"{name}={value}" for name, value in labels.items()),
        rule=detail.get("rule", ""),
        confidence=f"{confidence:.0%}",
        service=detail.get("service", ""),
        near=detail.get("near", ""),
        n=detail.get("hops", 0),
        incident=detail.get("incident", ""),
        by=detail.get("by", ""),
    )
