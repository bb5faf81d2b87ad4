"""What no schema can say about fallbacks of receivers: where they lead."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tocsin.config import plain, problems

Problem = tuple[problems.Path, str]


def problems_of(document: Any, channels: Collection[str]) -> Iterator[Problem]:
    """Each problem with its path: a name that leads nowhere, to nothing that is told, or back."""
    known = {each["name"]: each for _, each in plain.dicts(document, "receivers")
             if isinstance(each.get("name"), str)}  # fmt: skip
    for at, receiver in plain.dicts(document, "receivers"):
        name = receiver.get("fallback")
        if isinstance(name, str) and (said := _wrong(receiver, name, known, channels)):
            yield ("receivers", at, "fallback"), said


def _wrong(
    receiver: Mapping[str, Any], name: str, known: Mapping[str, Mapping[str, Any]],
    channels: Collection[str],
) -> str | None:  # fmt: skip
    if name not in known:
        return f"there is no `{name}` in receivers" + problems.suggest(name, list(known))
    if not any(known[name].get(channel) for channel in channels):
        return f"the receiver `{name}` has no channel of its own: a fallback is told at once"
    seen = [receiver.get("name")]
    following: Any = name
    while isinstance(following, str) and following in known:
        if following in seen:
            return f"the fallback leads back to `{following}`: leave out one of them"
        seen.append(following)
        following = known[following].get("fallback")
    return None
