"""JSON of any shape, read by a mapping in the tenant's policy: /webhooks/mapped/{name}."""

from __future__ import annotations

import functools
import json
from datetime import datetime
from typing import Any

from ingest import means
from ingest.sources import _batch, _fields, _json, _times
from schemas.alert import Rejected
from tocsin import errors
from tocsin.domain import mapping

PATHS = ("/webhooks/mapped",)
NAMED = True
OWN_DOCUMENT = True
#: Expressions take longer than decoding does.
THREAD_FROM = 1024
#: More of what stood around a refused alert is not kept with it.
_AROUND_BYTES = 16 * 1024
_SHOWN = 20


async def admit(call: means.Call, body: bytes) -> means.Parse:
    """Raises NotFound where the policy has no mapping of that name."""
    senders = await call.means.senders.of(call.tenant)
    found = senders.sources.get(call.item)
    if found is None:
        names = ", ".join(sorted(senders.sources)[:_SHOWN])
        there = f"there is {names}" if names else "the policy in force has none"
        raise errors.NotFound(f"no source of this name is in the policy (`sources`): {there}")
    return functools.partial(parse, source=found)


def parse(
    body: bytes, now: datetime, resolve_timeout: float, source: mapping.Source | None = None
) -> _batch.Parsed:
    """A mapping that does not fit makes no error: what it fails on waits in the quarantine."""
    if source is None:
        raise errors.NotFound("name a source of the policy: /webhooks/mapped/<name>")
    reading = mapping.read(source, _json.document(body), now)
    around = reading.around
    if reading.refused and len(_encoded(around)) > _AROUND_BYTES:
        around = {}
    rejected = [
        Rejected(
            each.position, _fields.shown(each.field), each.reason,
            body if reading.whole else _encoded(mapping.again(each.alert, around)),
        )
        for each in reading.refused
    ]  # fmt: skip
    return _batch.Parsed(
        _batch.finish_all([_draft(each, now) for each in reading.alerts]), rejected
    )


def _draft(made: mapping.Made, now: datetime) -> _batch.Draft:
    starts = _times.utc(made.starts_at, "starts_at")
    ends = _times.utc(made.ends_at, "ends_at")
    said = _batch.explicit(made.status, starts, ends, now)
    return _batch.Draft(made.labels, made.annotations, said, made.generator_url)


def _encoded(value: Any) -> bytes:
    # ASCII only: a lone surrogate stays an escape, as it came.
    return json.dumps(value, separators=(",", ":")).encode()
