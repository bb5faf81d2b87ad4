"""How the queues stand, read from Redis as Dramatiq lays it out; and dead messages put back.

Only numbers: messages say no more than that there is work, and for whom is in the record.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import redis
from dramatiq import Message

from workers.broker import BELLS_KEPT, NAMESPACE, client

#: So many dead messages are put back at once.
MOST = 1000
#: One move: it is either dead or waiting, and two who put it back do so once.
MOVE = """
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('HDEL', KEYS[2], ARGV[1])
redis.call('HSET', KEYS[3], ARGV[2], ARGV[3])
redis.call('RPUSH', KEYS[4], ARGV[2])
return 1
"""


@dataclass(frozen=True)
class Queue:
    """One queue: what waits, what is being worked on, what is for later, and what failed."""

    name: str
    waiting: int
    in_flight: int
    delayed: int
    dead: int


@dataclass(frozen=True)
class Gauge:
    """All queues, and for how many seconds each process has not been heard of."""

    queues: list[Queue]
    processes: list[float]


def read(url: str, names: Iterable[str]) -> Gauge | None:
    """As it stands now; None where Redis does not answer."""
    ordered = sorted(set(names))
    try:
        with client(url) as connection:
            beats = cast("list[tuple[bytes, float]]", connection.zrange(
                f"{NAMESPACE}:__heartbeats__", 0, -1, withscores=True
            ))  # fmt: skip
            workers = [worker.decode() for worker, _ in beats]
            queues = [_queue(connection, name, workers) for name in ordered]
    except redis.RedisError:
        return None
    now = time.time()
    return Gauge(queues, sorted(max(0.0, now - at / 1000) for _, at in beats))


def _queue(connection: redis.Redis, name: str, workers: list[str]) -> Queue:
    key = f"{NAMESPACE}:{name}"
    pipe = connection.pipeline(transaction=False)
    pipe.llen(key)
    pipe.hlen(f"{key}.DQ.msgs")
    pipe.zcard(f"{key}.XQ")
    for worker in workers:
        pipe.scard(f"{NAMESPACE}:__acks__.{worker}.{name}")
    waiting, delayed, dead, *acks = cast("list[int]", pipe.execute())
    return Queue(name, waiting, sum(acks), delayed, dead)


def put_back(url: str, name: str) -> int:
    """Let workers try the dead messages of a queue again; gives how many. Raises RedisError."""
    key, moved = f"{NAMESPACE}:{name}", 0
    with client(url) as connection:
        move = connection.register_script(MOVE)
        dead = cast("list[bytes]", connection.zrange(f"{key}.XQ", 0, MOST - 1))
        for old in dead:
            text = cast("bytes | None", connection.hget(f"{key}.XQ.msgs", old.decode()))
            if text is None:
                continue
            new, again = _fresh(text)
            keys = [f"{key}.XQ", f"{key}.XQ.msgs", f"{key}.msgs", key]
            moved += int(cast(Any, move(keys=keys, args=[old, new, again])))
        if moved:
            connection.rpush(f"{key}.bell", 1)
            connection.ltrim(f"{key}.bell", -BELLS_KEPT, -1)
    return moved


def _fresh(text: bytes) -> tuple[str, bytes]:
    """The message as if it had never been tried, under an id of its own."""
    message: Message[Any] = Message.decode(text)
    new = str(uuid.uuid4())
    kept = {name: value for name, value in message.options.items()
            if name not in ("retries", "traceback", "eta", "requeue_timestamp")}  # fmt: skip
    return new, message.copy(options={**kept, "redis_message_id": new}).encode()
