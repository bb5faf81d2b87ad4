"""The style and the scripts: read once, named by their digest, kept by browsers for ever."""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import NamedTuple

_FOLDER = Path(__file__).parents[1] / "static"
_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}


class Held(NamedTuple):
    """One file as it is served."""

    body: bytes
    packed: bytes
    media_type: str


def _read() -> tuple[dict[str, Held], dict[str, str]]:
    files, addresses = {}, {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix not in _TYPES:
            continue
        body = path.read_bytes()
        name = f"{path.stem}.{hashlib.sha256(body).hexdigest()[:12]}{path.suffix}"
        files[name] = Held(body, gzip.compress(body, mtime=0), _TYPES[path.suffix])
        addresses[path.name] = f"/ui/static/{name}"
    return files, addresses


#: By the name in the address; and the address by the name in the folder.
FILES, ADDRESSES = _read()
