"""Identifiers that sort by time."""

from __future__ import annotations

import os
import uuid
from datetime import datetime


def new(now: datetime) -> uuid.UUID:
    """A UUID of version 7 (RFC 9562): 48 bits of milliseconds, then randomness."""
    millis = int(now.timestamp() * 1000) & ((1 << 48) - 1)
    tail = int.from_bytes(os.urandom(10), "big")
    value = (millis << 80) | tail
    value = (value & ~(0xF << 76)) | (7 << 76)
    value = (value & ~(0x3 << 62)) | (2 << 62)
    return uuid.UUID(int=value)
