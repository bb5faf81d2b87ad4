"""Tags: a label of a tenant as one number, by which alerts are found that have it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache


def of(tenant: int, labels: Iterable[tuple[str, str]]) -> list[int]:
    """The tags of these names and values, in order, each once.

    Of two labels that share one, which will not happen by chance, both are found: ask what was
    found for the label itself.
    """
    return sorted({_tag(tenant, name, value) for name, value in labels})


# Few labels of an alert are its own: nearly all are looked up.
@lru_cache(maxsize=16_384)
def _tag(tenant: int, name: str, value: str) -> int:
    text = f"{tenant}\0{name}\0{value}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big", signed=True)
