"""What a message says about facts that it had to go without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC

from tocsin import i18n
from tocsin.domain import enrichment

#: A message has so many of these sentences.
MOST = 5


def notes(extras: Iterable[Mapping[str, str]]) -> list[str]:
    """A sentence for each source whose facts are missing for some of these alerts."""
    found: dict[tuple[str, str], enrichment.Gap] = {}
    for extra in extras:
        for gap in enrichment.gaps(extra):
            found.setdefault((gap.why, gap.name), gap)
    return [_say(gap) for _, gap in sorted(found.items())][:MOST]


def _say(gap: enrichment.Gap) -> str:
    if gap.why == "stale" and gap.at is not None:
        at = gap.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
        return i18n.say("missing.stale", name=gap.name, at=at)
    return i18n.say("missing.late" if gap.why == "late" else "missing.broken", name=gap.name)
