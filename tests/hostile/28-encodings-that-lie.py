"""28: gzip in gzip, half of one, none where one was announced, others that we do not take."""

from __future__ import annotations

import gzip
import zlib

from tests.hostile import words

GZIP = gzip.compress(words.FINE)
#: name of the encoding, body, status
SAID = [
    ("gzip", GZIP, 200),
    ("X-Gzip", GZIP, 200),
    ("identity", words.FINE, 200),
    ("gzip", gzip.compress(words.FINE[:9]) + gzip.compress(words.FINE[9:]), 200),
    ("gzip", gzip.compress(b" ") * 1000 + GZIP, 400),
    ("gzip", words.FINE, 400),
    ("gzip", GZIP[:-9], 400),
    ("gzip", GZIP[:20] + b"\xff" * 9 + GZIP[29:], 400),
    ("gzip", GZIP + b"tail", 400),
    ("gzip", b"", 400),
    ("gzip", gzip.compress(b""), 400),
    ("gzip", gzip.compress(GZIP), 400),
    ("", GZIP, 400),
    ("deflate", zlib.compress(words.FINE), 415),
    ("br", b"x", 415),
    ("zstd", b"x", 415),
    ("gzip, gzip", gzip.compress(GZIP), 415),
]
CASES = [words.packed(body, status, Content_Encoding=name) for name, body, status in SAID]
