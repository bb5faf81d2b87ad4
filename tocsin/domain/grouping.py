"""Which group an alert belongs to and when that group speaks."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache


def group_id(tenant: int, route_id: str, labels: Mapping[str, str]) -> uuid.UUID:
    """The id of the group with these group labels: the same everywhere and for ever.

    A UUID of version 8 (RFC 9562) over BLAKE2b of the parts, each with its length before it, so
    that no two lists of parts can run together.
    """
    return _group_id(tenant, route_id, tuple(sorted(labels.items())))


# Most alerts come to groups that others were in a moment ago.
@lru_cache(maxsize=8192)
def _group_id(tenant: int, route_id: str, pairs: tuple[tuple[str, str], ...]) -> uuid.UUID:
    digest = hashlib.blake2b(digest_size=16, person=b"tocsin group")
    for part in (str(tenant), route_id, *(text for pair in pairs for text in pair)):
        encoded = part.encode("utf-8", "surrogatepass")
        digest.update(len(encoded).to_bytes(4, "big") + encoded)
    value = int.from_bytes(digest.digest(), "big")
    value = (value & ~(0xF << 76)) | (8 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    return uuid.UUID(int=value)


def first_flush(
    now: datetime, created_at: datetime, starts_at: datetime, group_wait: timedelta
) -> datetime:
    """When a group that has not spoken yet speaks, seen from an alert that arrives in it.

    As in Alertmanager: an alert that began longer than `group_wait` ago has been waited for
    enough and makes the group speak at once; otherwise the group waits from its creation.
    """
    return now if starts_at + group_wait < now else created_at + group_wait


def next_tick(anchor: datetime, interval: timedelta, now: datetime) -> datetime:
    """The first of anchor + interval, anchor + 2 * interval, ... that is later than `now`.

    `anchor` is a moment at which the group spoke. The grid stays where it is however late a tick
    was served. Without an interval there is nothing to wait for: `now`.
    """
    if interval <= timedelta(0):
        return now
    return anchor + max(1, (now - anchor) // interval + 1) * interval
