"""Rate limits that all processes share: GCRA in Redis, and alone where Redis does not answer.

Paging fails open: without Redis each process keeps the limit by itself, which bounds what goes out
to the limit times the number of processes.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from datetime import datetime

import redis

from tocsin.domain import backoff
from workers.broker import NAMESPACE, client

#: One key, one number: the theoretical arrival time of the next request, in seconds.
GCRA = """
local tat = tonumber(redis.call('GET', KEYS[1]) or ARGV[1])
local now, period, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
if tat < now then tat = now end
local from = tat - (burst - 1) * period
if now < from - tonumber(ARGV[4]) then return tostring(from - now) end
redis.call('SET', KEYS[1], string.format('%.17g', tat + period), 'PX',
  math.ceil((tat + period - now) * 1000) + 1000)
return '0'
"""
#: Keys that a process remembers while Redis is away.
LOCAL_KEYS = 10_000


class Limiter:
    """Asks whether one more may go out now. Thread-safe; never raises."""

    def __init__(self, url: str) -> None:
        self._redis = client(url, timeout=0.5)
        self._script = self._redis.register_script(GCRA)
        self._local: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def wait(self, key: str, per_second: float, burst: int, now: datetime) -> float:
        """Seconds until one more of this key may go out; 0.0: it may, and is counted."""
        moment, period = now.timestamp(), 1 / per_second
        try:
            answer = self._script(
                keys=[f"{NAMESPACE}:limit:{key}"],
                args=[repr(moment), repr(period), burst, backoff.ROUNDING],
            )
            return float(answer)
        except redis.RedisError:
            return self._alone(key, moment, period, burst)

    def _alone(self, key: str, moment: float, period: float, burst: int) -> float:
        with self._lock:
            allowed, tat, after = backoff.gcra(self._local.get(key), moment, period, burst)
            if allowed:
                self._local[key] = tat
                self._local.move_to_end(key)
                if len(self._local) > LOCAL_KEYS:
                    self._local.popitem(last=False)
            return 0.0 if allowed else after
