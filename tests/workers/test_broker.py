"""The doorbell wakes who sleeps, a dead worker's message comes back, and Redis may be dead."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import dramatiq
import pytest
import redis

from scheduler.reaper import Reaper
from workers import broker as brokers
from workers import enqueue
from workers.broker import BellBroker, BellConsumer

DEAD = "redis://127.0.0.1:1/0"
QUEUE = "bells"
FETCH = """
import sys, time
from workers.broker import BellBroker
broker = BellBroker(sys.argv[1])
print(len(broker.do_fetch(sys.argv[2], 1)), flush=True)
time.sleep(600)
"""


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives once it is true."""
    deadline = time.monotonic() + 10
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


@contextmanager
def broker_at(url: str, **options: Any) -> Iterator[BellBroker]:
    made = BellBroker(url, **options)
    try:
        yield made
    finally:
        made.close()
        made.client.close()
        made.waiting.close()


@pytest.fixture
def broker(redis_url: str) -> Iterator[BellBroker]:
    with broker_at(redis_url) as made:
        made.declare_queue(QUEUE)
        yield made


@pytest.fixture
def bell(redis_url: str) -> Iterator[enqueue.Bell]:
    made = enqueue.Bell(redis_url)
    yield made
    made._connected().client.close()


def queued(broker: BellBroker) -> int:
    return int(broker.client.llen(f"{brokers.NAMESPACE}:{QUEUE}"))


def strikes(broker: BellBroker) -> int:
    return int(broker.client.llen(broker.bell(QUEUE)))


def send(broker: BellBroker, times: int = 1) -> None:
    for _ in range(times):
        broker.enqueue(enqueue.message("count", QUEUE))


def test_a_worker_runs_what_is_rung_for(broker: BellBroker, bell: enqueue.Bell) -> None:
    came = threading.Semaphore(0)
    calls: list[str] = []

    @dramatiq.actor(actor_name="count", queue_name=QUEUE, max_retries=0, broker=broker)
    def count(queue: str) -> None:
        calls.append(queue)
        bell.heard("count", QUEUE)
        came.release()

    worker = dramatiq.Worker(broker, queues={QUEUE}, worker_threads=2)
    worker.start()
    try:
        for _ in range(3):
            assert bell.ring("count", QUEUE)
            assert came.acquire(timeout=10)
    finally:
        worker.stop(timeout=5000)
    assert calls == [QUEUE] * 3


def test_only_the_bell_wakes_a_consumer_that_has_gone_to_sleep(
    redis_url: str, monkeypatch: pytest.MonkeyPatch, bell: enqueue.Bell
) -> None:
    monkeypatch.setattr(brokers, "BELL_SECONDS", 60)
    with broker_at(redis_url) as broker, futures.ThreadPoolExecutor(1) as pool:
        broker.declare_queue(QUEUE)
        consumer = broker.consume(QUEUE, prefetch=2, timeout=1000)
        waits = pool.submit(next, consumer)
        until(lambda: broker.client.info("clients")["blocked_clients"])
        assert not waits.done()
        bell.ring("count", QUEUE)
        message = waits.result(timeout=10)
        assert message is not None
        assert message.actor_name == "count"


def test_a_consumer_without_room_leaves_the_bell_to_one_that_has_it(
    redis_url: str, broker: BellBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "BELL_SECONDS", 0.01)
    send(broker, 2)
    full = broker.consume(QUEUE, prefetch=2, timeout=1000)
    held = next(full)
    assert held is not None
    assert next(full) is None
    assert (strikes(broker), queued(broker)) == (2, 1)
    with broker_at(redis_url) as other:
        other.declare_queue(QUEUE)
        assert next(other.consume(QUEUE, prefetch=2, timeout=1000)) is not None
    full.ack(held)


def test_room_that_came_while_it_was_asked_for_is_not_waited_for(
    broker: BellBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    consumer = broker.consume(QUEUE, prefetch=2, timeout=1000)
    assert isinstance(consumer, BellConsumer)
    room = consumer.room
    waited: list[bool] = []

    def full(asked: Any) -> Any:
        room.set()  # what another thread's `ack` does just afterwards
        return asked.prefetch

    monkeypatch.setattr(BellConsumer, "outstanding_message_count", property(full))
    monkeypatch.setattr(room, "wait", lambda _: waited.append(room.is_set()))
    next(consumer)
    assert waited == [True]


def test_an_empty_queue_gives_nothing_after_the_wait(
    broker: BellBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(brokers, "BELL_SECONDS", 0.01)
    assert next(broker.consume(QUEUE, prefetch=2, timeout=1000)) is None


def test_bells_that_nobody_hears_do_not_pile_up(broker: BellBroker) -> None:
    send(broker, brokers.BELLS_KEPT + 5)
    assert strikes(broker) == brokers.BELLS_KEPT


def test_two_rings_are_one_message_until_it_was_heard(
    broker: BellBroker, bell: enqueue.Bell
) -> None:
    assert bell.ring("count", QUEUE)
    assert bell.ring("count", QUEUE)
    assert queued(broker) == 1
    assert bell.ring("other", QUEUE)
    assert queued(broker) == 2
    bell.heard("count", QUEUE)
    assert bell.ring("count", QUEUE)
    assert queued(broker) == 3


def test_a_ring_whose_message_was_lost_blocks_the_next_for_a_second_at_most(
    broker: BellBroker, bell: enqueue.Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    bell.ring("count", QUEUE)
    left = broker.client.pttl(enqueue.flag("count", QUEUE))
    assert 0 < left <= enqueue.OUTSTANDING_MS == 1000
    broker.client.flushdb()
    monkeypatch.setattr(enqueue, "OUTSTANDING_MS", 1)
    bell.ring("count", QUEUE)
    broker.flush(QUEUE)
    until(lambda: bell.ring("count", QUEUE) and queued(broker))


def test_ringing_with_redis_dead_gives_up_at_once_and_pauses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bell, tries = enqueue.Bell(DEAD), list[int]()
    connected = bell._connected

    def connecting() -> BellBroker:
        tries.append(1)
        return connected()

    monkeypatch.setattr(bell, "_connected", connecting)
    assert not bell.ring("count", QUEUE)
    assert not bell.ring("count", QUEUE)
    bell.heard("count", QUEUE)
    assert len(tries) == 1
    assert not bell.alive()
    later = time.monotonic() + enqueue.PAUSE_SECONDS
    monkeypatch.setattr(time, "monotonic", lambda: later)
    bell.heard("count", QUEUE)
    assert len(tries) == 3
    assert not bell.ring("count", QUEUE)  # hearing paused it again
    assert len(tries) == 3


def test_ringing_works_again_once_redis_is_back(
    broker: BellBroker, bell: enqueue.Bell, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise redis.ConnectionError

    assert bell.alive()
    with monkeypatch.context() as broken:
        broken.setattr(bell._connected().client, "set", away)
        assert not bell.ring("count", QUEUE)
    monkeypatch.setattr(bell, "_quiet_until", 0.0)
    assert bell.ring("count", QUEUE)
    assert queued(broker) == 1


def test_one_process_has_one_bell_for_each_redis() -> None:
    assert enqueue.bell(DEAD) is enqueue.bell(DEAD)


def test_the_reaper_gives_back_what_a_killed_worker_held(
    redis_url: str, broker: BellBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(broker)
    worker = subprocess.Popen(
        [sys.executable, "-c", FETCH, redis_url, QUEUE], stdout=subprocess.PIPE, text=True
    )
    with worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "1\n"
        worker.kill()
    assert queued(broker) == 0
    alive = Reaper(redis_url, {"dedup": QUEUE})
    alive.reap()
    assert queued(broker) == 0  # it might still live
    monkeypatch.setattr(brokers, "HEARTBEAT_TIMEOUT_MS", 1)
    Reaper(redis_url, {"dedup": QUEUE}).reap()
    assert queued(broker) == 1
    assert len(broker.do_fetch(QUEUE, 5)) == 1


def test_a_reaper_without_redis_waits_for_it() -> None:
    Reaper(DEAD, {}).reap()


def test_a_consumer_that_loses_redis_says_so_in_dramatiqs_words(
    broker: BellBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise redis.TimeoutError

    monkeypatch.setattr(broker.waiting, "blpop", away)
    with pytest.raises(dramatiq.ConnectionClosed):
        next(broker.consume(QUEUE, prefetch=2, timeout=1000))


def test_a_nacked_message_makes_room_as_well(broker: BellBroker) -> None:
    send(broker)
    consumer = broker.consume(QUEUE, prefetch=2, timeout=1000)
    assert isinstance(consumer, BellConsumer)
    held = next(consumer)
    assert held is not None
    consumer.room.clear()
    consumer.nack(held)
    assert consumer.room.is_set()
    assert queued(broker) == 0
