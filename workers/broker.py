"""Dramatiq over Redis with a blocking doorbell: an idle consumer waits in BLPOP instead of polling.

Measured before this was written: 1 ms from send to actor at the median, where polling takes 70.
"""

from __future__ import annotations

import threading
from typing import Any

import dramatiq
import redis
from dramatiq.brokers import redis as dramatiq_redis
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import Retries, ShutdownNotifications, TimeLimit
from redis.backoff import NoBackoff
from redis.retry import Retry

NAMESPACE = "tocsin"
#: A worker that has not been heard of for this long is dead; its messages go to others.
HEARTBEAT_TIMEOUT_MS = 10_000
#: How long one wait at the doorbell lasts; also the longest a lost ring of the bell can cost.
BELL_SECONDS = 1
#: More rings than this need not be remembered: a woken consumer empties the queue.
BELLS_KEPT = 32
#: Messages only say that there is work, so a dead one is of no interest for longer than this.
DEAD_MESSAGE_TTL_MS = 3_600_000
TIME_LIMIT_MS = 60_000


def client(url: str, *, timeout: float = 1.0) -> redis.Redis:
    """A Redis client that never repeats a command by itself: a repeated push would run twice."""
    return redis.Redis.from_url(
        url,
        socket_timeout=timeout,
        socket_connect_timeout=1.0,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=0,
    )


class BellBroker(dramatiq_redis.RedisBroker):
    """A RedisBroker whose consumers sleep at a doorbell."""

    def __init__(self, url: str, *, maintenance_chance: int = 50_000) -> None:
        super().__init__(
            client=client(url),
            namespace=NAMESPACE,
            middleware=[
                TimeLimit(time_limit=TIME_LIMIT_MS),
                ShutdownNotifications(),
                Retries(max_retries=0),
            ],
            maintenance_chance=maintenance_chance,
            heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
            dead_message_ttl=DEAD_MESSAGE_TTL_MS,
        )
        self.waiting = client(url, timeout=BELL_SECONDS + 4.0)

    @property
    def consumer_class(self) -> type[BellConsumer]:
        return BellConsumer

    def bell(self, queue: str) -> str:
        return f"{self.namespace}:{queue}.bell"

    def enqueue(
        self, message: dramatiq.Message[Any], *, delay: int | None = None
    ) -> dramatiq.Message[Any]:
        sent = super().enqueue(message, delay=delay)
        if delay is None:
            self.strike(message.queue_name)
        return sent

    def strike(self, queue: str) -> None:
        """Wake one consumer of the queue."""
        pipe = self.client.pipeline(transaction=False)
        pipe.rpush(self.bell(queue), 1)
        pipe.ltrim(self.bell(queue), -BELLS_KEPT, -1)
        pipe.execute()


class BellConsumer(dramatiq_redis._RedisConsumer):
    """Fetches what there is; when there is nothing, waits for the bell."""

    def __init__(self, broker: BellBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        # Dramatiq asks for twice its threads; what one process hoards another could be doing.
        super().__init__(broker, queue_name, max(1, prefetch // 2), timeout)
        self.room = threading.Event()

    def __next__(self) -> Any:
        if self.queue_name.endswith(".DQ"):
            return self._poll()
        if not self.message_cache:
            self._fill()
        return super().__next__() if self.message_cache else None

    def _poll(self) -> Any:
        """Nothing is ever delayed here: looking now and then will do."""
        try:
            return super().__next__()
        except redis.TimeoutError as error:
            # Dramatiq knows of refused connections only, and takes this for an error of ours.
            raise ConnectionClosed(error) from None

    def _fill(self) -> None:
        self.room.clear()  # before the count: another thread may make room meanwhile
        wanted = self.prefetch - self.outstanding_message_count
        if wanted <= 0:
            # The bell must stay for a consumer that has room.
            self.room.wait(BELL_SECONDS)
            return
        try:
            self.message_cache = self.broker.do_fetch(self.queue_name, wanted)
            if not self.message_cache and self.broker.waiting.blpop(
                [self.broker.bell(self.queue_name)], timeout=BELL_SECONDS
            ):
                self.message_cache = self.broker.do_fetch(self.queue_name, wanted)
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise ConnectionClosed(error) from None

    def ack(self, message: Any) -> None:
        try:
            super().ack(message)
        finally:
            self.room.set()

    def nack(self, message: Any) -> None:
        try:
            super().nack(message)
        finally:
            self.room.set()
