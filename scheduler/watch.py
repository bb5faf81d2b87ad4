"""Watches the folder of policies and rings `reload` whenever something in it changes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import watchfiles

from workers import enqueue, queues

#: How long changes are gathered before they are told, in milliseconds.
DEBOUNCE_MS = 100


def watch(
    folder: Path | None, bell: enqueue.Bell, mark: Callable[[], None] = lambda: None
) -> float:
    """Ring once, then for each change; returns (to be called again) when there is no folder yet.

    It goes round by itself, so it calls `mark` each time that it has looked.
    """
    if folder is None or not folder.is_dir():
        return 5.0
    bell.ring("reload", queues.BACKGROUND)
    for _ in watchfiles.watch(folder, debounce=DEBOUNCE_MS, step=50, rust_timeout=5000,
                              yield_on_timeout=True, recursive=False):  # fmt: skip
        # The time-out doubles as a net for file systems that send no events.
        bell.ring("reload", queues.BACKGROUND)
        mark()
    return 1.0
