"""Label sets: bounded, fingerprinted, and remembered, because most alerts are repeats."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import NamedTuple

import msgspec

from ingest.sources import _fields
from ingest.sources._bad import Bad
from schemas.alert import Severity
from tocsin.domain import fingerprint, severity

MAX_PAIRS = 64
MAX_VALUE = 4096
MAX_NAME = 1024
#: These are kept whatever else must go.
_FIRST = ("alertname", "severity")
_PAIRS = msgspec.json.Decoder(dict[str, str])
#: A generation of the memory is this many label sets of at most this many bytes.
_GENERATION = 8_192
_MEMORABLE = 1024


class Known(NamedTuple):
    """A label set within bounds, and what follows from the original alone."""

    labels: dict[str, str]
    fingerprint: str
    severity: Severity
    cut: tuple[str, ...]


class _Memory:
    """The label sets of late by their bytes, in two generations; the older is dropped whole."""

    def __init__(self) -> None:
        self._young: dict[bytes, Known] = {}
        self._old: dict[bytes, Known] = {}

    def get(self, raw: bytes) -> Known | None:
        known = self._young.get(raw)
        if known is None and (known := self._old.get(raw)) is not None:
            self.put(raw, known)
        return known

    def put(self, raw: bytes, known: Known) -> None:
        if len(raw) <= _MEMORABLE:
            if len(self._young) >= _GENERATION:
                self._young, self._old = {}, self._young
            self._young[raw] = known


_memory = _Memory()


def known(raws: Sequence[bytes]) -> list[Known]:
    """The label sets of JSON objects; raises Bad or MsgspecError where one needs a closer look."""
    found = [_memory.get(raw) for raw in raws]
    missing = [place for place, each in enumerate(found) if each is None]
    if missing:
        fresh = judge([_decode(raws[place]) for place in missing])
        for place, each in zip(missing, fresh, strict=True):
            found[place] = each
            _memory.put(raws[place], each)
    return [each for each in found if each is not None]


def judge(label_sets: Sequence[Mapping[str, str]]) -> list[Known]:
    """Fingerprints and severities of the original label sets, which are then bounded."""
    return [
        Known(kept, digest, severity.of(original), cut)
        for original, digest, (kept, cut) in zip(
            label_sets,
            fingerprint.fingerprints(label_sets),
            [bounded(each, "labels") for each in label_sets],
            strict=True,
        )
    ]


def noted(raw: bytes) -> tuple[dict[str, str], tuple[str, ...]]:
    """The annotations of a JSON object, bounded; raises Bad or MsgspecError."""
    _few(raw, "annotations")
    pairs = _PAIRS.decode(raw)
    if len(raw) <= MAX_NAME and len(pairs) <= MAX_PAIRS:
        return pairs, ()
    return bounded(pairs, "annotations")


def bounded(pairs: Mapping[str, str], what: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """At most MAX_PAIRS of names up to MAX_NAME and values up to MAX_VALUE bytes, and what was cut.

    A surplus pair, or one with too long a name, goes; a long value is shortened.
    """
    kept = dict(islice(_in_order(pairs), MAX_PAIRS))
    cut = [what] if len(kept) < len(pairs) else []
    for name, value in kept.items():
        if _longer(value, MAX_VALUE):
            cut.append(f"{what}.{name}")
            kept[name] = value[:MAX_VALUE].encode()[:MAX_VALUE].decode("utf-8", "ignore")
    return kept, tuple(cut)


def _in_order(pairs: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Those whose names are short enough; of too many, the first ones first, else as they stood.

    Lazily: of half a million only the few that are kept are looked at.
    """
    first = [name for name in _FIRST if name in pairs] if len(pairs) > MAX_PAIRS else []
    for name in chain(first, (name for name in pairs if name not in first)):
        if not _longer(name, MAX_NAME):
            yield name, pairs[name]


def _longer(text: str, limit: int) -> bool:
    """Whether it has more than `limit` bytes in UTF-8."""
    return len(text) > limit or (len(text) * 4 > limit and len(text.encode()) > limit)


def _few(raw: bytes, what: str) -> None:
    """Raise Bad where there may be more names than are read, before anything is made of them."""
    if len(raw) > _fields.MAX_NAMES and raw.count(b'"') > 4 * _fields.MAX_NAMES:
        raise Bad(what, _fields.TOO_MANY)


def _decode(raw: bytes) -> dict[str, str]:
    _few(raw, "labels")
    found = _PAIRS.decode(raw)
    # Four quotes a pair: then no name stands twice, without looking at each.
    exact = b"\\" not in raw and raw.count(b'"') == 4 * len(found)
    if not exact and json.loads(raw, object_pairs_hook=len) != len(found):
        raise Bad("labels", "a name stands twice")
    return _fields.labels({"labels": found}) if _odd(found) else found


def _odd(labels: dict[str, str]) -> bool:
    return not labels or "" in labels or "" in labels.values()
