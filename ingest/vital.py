"""Tasks without which the process must not live on: it would take requests and never answer."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

EXIT = 70  # EX_SOFTWARE: the launcher starts us again


def start(
    name: str, work: Coroutine[Any, Any, None], may_end: Callable[[], bool]
) -> asyncio.Task[None]:
    """Run `work`; if it ends in whatever way while it may not, the process ends at once."""

    def ended(task: asyncio.Task[None]) -> None:
        if may_end():
            return
        error = None if task.cancelled() else task.exception()
        log.critical("the %s of the ingest died, so the process ends", name, exc_info=error)
        # Not sys.exit: requests that wait for the dead task would keep the process alive.
        os._exit(EXIT)

    task = asyncio.create_task(work, name=name)
    task.add_done_callback(ended)
    return task
