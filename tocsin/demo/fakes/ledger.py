"""What the fake providers were asked, in order, in memory and as lines of a file."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Entry:
    """One request. ``t`` is Unix time; ``status`` is the HTTP status, or 0 where none was sent.

    ``effect`` tells whether the provider acted on it (so that a person would see something), and
    ``fault`` which fault was played. ``seen`` counts the requests with this key so far.
    """

    t: float
    provider: str
    path: str
    key: str
    dest: str
    body: Any
    status: int
    effect: bool
    fault: str
    seen: int


class Ledger:
    """Appends entries and answers questions about them; safe between threads.

    A line is flushed before the reply goes out, so killing the process loses none; with ``fsync``
    a power cut loses none either, at the price of one disk write for each request.
    """

    def __init__(self, path: Path | None = None, *, fsync: bool = False) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._seen: dict[tuple[str, str], int] = {}
        self._fsync = fsync
        self._file = path.open("ab") if path else None

    def count(self, provider: str, key: str) -> int:
        """Note one more request with this key and say how many there were; 0 without a key."""
        if not key:
            return 0
        with self._lock:
            self._seen[provider, key] = self._seen.get((provider, key), 0) + 1
            return self._seen[provider, key]

    def add(self, entry: Entry) -> None:
        """Append an entry, to the file first."""
        with self._lock:
            if self._file:
                self._file.write(json.dumps(asdict(entry), separators=(",", ":")).encode() + b"\n")
                self._file.flush()
                if self._fsync:
                    os.fsync(self._file.fileno())
            self._entries.append(entry)

    def calls(
        self, *, provider: str | None = None, dest: str | None = None, key: str | None = None
    ) -> list[Entry]:
        """The entries, oldest first, that match all that is given."""
        wanted = (("provider", provider), ("dest", dest), ("key", key))
        with self._lock:
            entries = list(self._entries)
        return [
            entry
            for entry in entries
            if all(value is None or getattr(entry, name) == value for name, value in wanted)
        ]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None


def read(path: Path) -> Iterator[Entry]:
    """The entries of a ledger file; a last line that was cut by a kill is left out."""
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield Entry(**json.loads(line))
