"""Loaded by the bench's own workers beside the actors: what the product has no switch for.

An alert that kills who works on it stands in for one that makes a library crash. A clock that is
wrong stands in for a host whose clock is: everything in the process that asks `time.time` is told
so, Dramatiq's heartbeats too. (libfaketime, which could do it from outside, makes each sleep of
Python fail where it leaves the monotonic clock alone.)
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from actors import dedup
from tests.faults.load import CLOCK_FILE, POISON

_judge, _time = dedup._judge, time.time


def _dying(now: Any, tracks: Any, counts: Any, arrival: Any) -> Any:
    if POISON in arrival.alert.labels:
        os._exit(9)
    return _judge(now, tracks, counts, arrival)


def _wrong_time() -> float:
    try:
        return _time() + float(_file.read_text())
    except (OSError, ValueError):  # just being written
        return _time()


dedup._judge = _dying
if CLOCK_FILE in os.environ:
    _file = Path(os.environ[CLOCK_FILE])
    time.time = _wrong_time
