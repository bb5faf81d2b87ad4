"""From a policy document to heartbeats and freshness, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from schemas import heartbeats as written
from tocsin.config import problems
from tocsin.config.plain import listed
from tocsin.domain import freshness as fresh
from tocsin.domain import heartbeats, matchers

#: What we set ourselves.
RESERVED = ("alertname", "heartbeat", "severity")


def compiled(some: Sequence[written.Heartbeat]) -> tuple[heartbeats.Heartbeat, ...]:
    """Those of a checked document, in their order."""
    return tuple(
        heartbeats.Heartbeat(
            each.name,
            heartbeats.Rhythm(each.every, each.cron or "", each.zone, each.grace),
            _matchers(each.matchers),
            each.severity,
            dict(each.labels),
        )
        for each in some
    )


def freshness(some: Sequence[written.Freshness]) -> tuple[fresh.Freshness, ...]:
    """The rules of a checked document, in their order."""
    return tuple(fresh.Freshness(_matchers(each.matchers), each.stale_after) for each in some)


def problems_of(plain: Any) -> Iterator[tuple[problems.Path, str]]:
    """Names that stand twice, matchers that cannot be read, labels that are ours."""
    known = set()
    for at, each in enumerate(listed(plain, "heartbeats")):
        here: problems.Path = ("heartbeats", at)
        name = each.get("name") if isinstance(each, dict) else None
        if isinstance(name, str):
            if name in known:
                yield (*here, "name"), f"the heartbeat `{name}` is defined twice: rename one"
            known.add(name)
        yield from _unreadable(each, here)
        labels = each.get("labels") if isinstance(each, dict) else None
        for label in RESERVED:
            if isinstance(labels, dict) and label in labels:
                said = f"the label `{label}` is set by Tocsin itself: take it out"
                yield (*here, "labels", label), said
    for at, each in enumerate(listed(plain, "freshness")):
        yield from _unreadable(each, ("freshness", at))


def _unreadable(each: Any, here: problems.Path) -> Iterator[tuple[problems.Path, str]]:
    for at, text in enumerate(listed(each, "matchers")):
        if isinstance(text, str):
            try:
                matchers.parse_list(text)
            except ValueError as error:
                yield (*here, "matchers", at), str(error)


def _matchers(texts: Sequence[str]) -> tuple[matchers.Matcher, ...]:
    return tuple(one for text in texts for one in matchers.parse_list(text))
