"""27: a hundred megabytes of zeros in 97 kB, and smaller ones."""

from __future__ import annotations

import gzip
import zlib

from tests.hostile import words


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(megabytes)) + packer.flush()


CASES = [
    words.packed(bomb(100), 413, Content_Encoding="gzip"),
    words.packed(bomb(9), 413, Content_Encoding="gzip"),
    words.packed(gzip.compress(b" " * 11_000_000, 0), 413, Content_Encoding="gzip"),
    words.packed(gzip.compress(words.many(*["a"] * 9000)), 200, Content_Encoding="gzip"),
]
