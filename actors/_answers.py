"""What other systems answered, as one drain sees it: read once, and what is missing is wanted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from urllib import parse

import orjson

from tocsin.domain import enrichers, enrichment
from tocsin.domain.change import Change
from tocsin.storage import lookups
from tocsin.storage.record import Transaction

#: What `Found.asks` holds, as a pair.
Asked = tuple[enrichment.AskKey, tuple[enrichment.Step, enrichers.Ask]]


class Answers:
    """The answers that a drain has read so far."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._seen: set[lookups.Key] = set()
        self._known: dict[int, dict[enrichment.AskKey, enrichment.Answer]] = {}
        #: Whether somebody must be asked now.
        self.wanted = False

    def of(self, tenant: int) -> Mapping[enrichment.AskKey, enrichment.Answer]:
        return self._known.get(tenant, {})

    def look_up(self, asked: Iterable[tuple[int, Asked]]) -> set[lookups.Key]:
        """Read what was not read yet; returns those for which there is an answer now."""
        asks = {
            (tenant, *key): ask
            for tenant, (key, (_, ask)) in asked
            if (tenant, *key) not in self._seen
        }
        self._seen |= asks.keys()
        now = self._tx.now
        rows = {_key(row): row for row in lookups.find(self._tx, sorted(asks))}
        missing = [key for key in sorted(asks) if not _fresh(rows.get(key), now)]
        rows |= {
            _key(row): row
            for row in lookups.want(self._tx, [_wanted(key, asks[key]) for key in missing])
        }
        self.wanted = self.wanted or any(
            row["due_at"] is not None and row["due_at"] <= now for row in rows.values()
        )
        news = set()
        for (tenant, *key), row in rows.items():
            if (answer := _answer(row, now)) is not None:
                self._known.setdefault(tenant, {})[key[0], key[1]] = answer
                news.add((tenant, key[0], key[1]))
        return news

    def wait(self, waiting: Iterable[tuple[Change, enrichment.AskKey]]) -> None:
        """Have the changes come round again when these are answered."""
        marks = sorted({(c.tenant, *key, c.fingerprint) for c, key in waiting})
        names = ("tenant", "enricher", "key", "fingerprint")
        lookups.wait(self._tx, [dict(zip(names, mark, strict=True)) for mark in marks])


def request(row: Mapping[str, Any]) -> enrichers.Ask:
    """The question of a stored row."""
    return enrichers.Ask(**orjson.loads(row["request"]))


def packed(given: enrichers.Given) -> str:
    """An answer as it is stored; bounded as what an alert gets of it."""
    labels = {name: enrichment.clean(v, enrichment.MAX_LABEL) for name, v in given.labels.items()}
    facts = {name: enrichment.clean(v, enrichment.MAX_FACT) for name, v in given.facts.items()}
    return orjson.dumps({"labels": labels, "facts": facts}).decode()


def _key(row: dict[str, Any]) -> lookups.Key:
    return row["tenant"], row["enricher"], row["key"]


def _wanted(key: lookups.Key, ask: enrichers.Ask) -> dict[str, Any]:
    tenant, enricher, digest = key
    asked = orjson.dumps({"url": ask.url, "body": ask.body}).decode()
    host = parse.urlsplit(ask.url).hostname or ""
    return {"tenant": tenant, "enricher": enricher, "key": digest, "request": asked, "host": host}


def _fresh(row: dict[str, Any] | None, now: datetime) -> bool:
    return (
        row is not None and row["given"] is not None and row["error"] is None
        and row["expires_at"] > now
    )  # fmt: skip


def _answer(row: dict[str, Any], now: datetime) -> enrichment.Answer | None:
    if row["given"] is None:
        return None
    given = enrichers.Given(**orjson.loads(row["given"]))
    if _fresh(row, now):
        return enrichment.Answer(given)
    # That there was no such thing is no fact to go on with.
    some = given.labels or given.facts
    return enrichment.Answer(given, stale=row["fetched_at"]) if some else None
