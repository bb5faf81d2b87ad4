"""From the body of a request to canonical alerts: quickly if all is well, else one by one.

Most bodies are flawless, so the quick way reads them whole and gives up at the first doubt. Then
the careful way reads each alert by itself, so that a bad one never takes its neighbours down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from ingest.sources import _careful, _fields, _labels, _times
from ingest.sources._bad import Bad
from schemas.alert import Alert, Rejected, Status
from tocsin import errors

#: An escaped NUL, and the ways to write an ASCII letter (so also a key) by its number.
_ODD_ESCAPES = (b"\\u0000", b"\\u004", b"\\u005", b"\\u006", b"\\u007")
MAX_ALERTS = _careful.MAX_ALERTS


class Parsed(NamedTuple):
    """What one request held: the good alerts in their order, and the others."""

    alerts: list[Alert]
    rejected: list[Rejected]


class Said(NamedTuple):
    """What a source makes of one alert, before labels and lengths are judged."""

    status: Status
    starts_at: datetime | None
    ends_at: datetime | None
    #: The end is not the sender's but our resolve_timeout.
    open_ended: bool = False


class Draft(NamedTuple):
    """An alert that the careful way could read."""

    labels: dict[str, str]
    annotations: dict[str, str]
    said: Said
    generator_url: str


def parse(
    body: bytes,
    quick: Callable[[bytes], list[Alert]],
    read: Callable[[_fields.Tree], Draft],
    *,
    single: bool = False,
) -> Parsed:
    """Try `quick`; where it has doubts, `read` one alert after the other.

    Raises BadRequest where the body is no JSON with alerts in it, TooLarge for more than
    MAX_ALERTS. With `single`, a JSON object without a list of alerts is an alert itself.
    """
    # Decoding a million empty objects only to refuse them would cost memory; the careful way stops.
    if body.count(b'"labels"') <= MAX_ALERTS:
        try:
            return Parsed(quick(body), [])
        except (Bad, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass
    return _one_by_one(body, read, single)


def trust(body: bytes, **keys: int) -> None:
    """Raise Bad unless each key stands exactly so often in the body and hides in no escape.

    The quick decoder takes the last of two equal keys without a word. More keys than alerts, also
    where it is only a label of that name, are a reason to look carefully.
    """
    if b"\\u00" in body and any(odd in body for odd in _ODD_ESCAPES):
        raise Bad("", "odd escapes")
    for name, times in keys.items():
        if body.count(b'"%s"' % name.encode()) != times:
            raise Bad(name, "may stand twice")


def finish(
    known: _labels.Known, annotations: tuple[dict[str, str], tuple[str, ...]], said: Said, url: str
) -> Alert:
    """Put the parts together; a generator URL that no browser should follow is dropped."""
    kept, shortened = annotations
    cut = known.cut + shortened
    if url and not _fields.is_link(url):
        url, cut = "", (*cut, "generatorURL")
    return Alert(
        known.fingerprint, said.status, known.labels, kept, known.severity,
        said.starts_at, said.ends_at, url, cut, said.open_ended,
    )  # fmt: skip


def _one_by_one(body: bytes, read: Callable[[_fields.Tree], Draft], single: bool) -> Parsed:
    drafts: list[Draft] = []
    rejected: list[Rejected] = []
    for index, element in enumerate(_careful.elements(body, single=single)):
        try:
            if element.flaw:
                raise Bad("", element.flaw)
            drafts.append(read(_fields.tree(element.value)))
        except Bad as bad:
            rejected.append(Rejected(index, bad.field, bad.reason, element.raw))
    return Parsed(finish_all(drafts), rejected)


def finish_all(drafts: Sequence[Draft]) -> list[Alert]:
    known = _labels.judge([draft.labels for draft in drafts])
    return [
        finish(
            label_set, _labels.bounded(draft.annotations, "annotations"), draft.said,
            draft.generator_url,
        )
        for label_set, draft in zip(known, drafts, strict=True)
    ]  # fmt: skip


def explicit(status: Status, starts: datetime | None, ends: datetime | None, now: datetime) -> Said:
    """Where the sender says firing or resolved itself, `endsAt` is only when.

    A firing alert expires at a later `endsAt`, else never by itself. A resolved one ended at the
    latest now and at the earliest when it began: clocks of two machines differ.
    """
    starts = _times.start(starts, now)
    if status == "firing":
        return Said(status, starts, ends if ends and now < ends < _times.FAR else None)
    ended = min(ends or now, now)
    return Said(status, starts, max(ended, starts) if starts else ended)


def not_alerts(what: str) -> errors.BadRequest:
    return errors.BadRequest(f"nothing could be read: {what}")
