"""Loaded by the bench's own pipeline beside the actors: an alert that kills who works on it.

The product has no such thing; this stands in for the alert that makes a library crash.
"""

from __future__ import annotations

import os
from typing import Any

from actors import dedup
from tests.faults.load import POISON

_judge = dedup._judge


def _dying(now: Any, tracks: Any, counts: Any, arrival: Any) -> Any:
    if POISON in arrival.alert.labels:
        os._exit(9)
    return _judge(now, tracks, counts, arrival)


dedup._judge = _dying
