"""The queues in numbers, and dead messages that go back once."""

from __future__ import annotations

import dramatiq
import pytest
import redis

from workers import gauge
from workers.broker import BellBroker, client
from workers.enqueue import message


def kill(broker: BellBroker, queue: str) -> None:
    """Let a message of the queue fail for good."""
    broker.declare_queue(queue)
    broker.enqueue(message("drain", queue))
    consumer = broker.consume(queue, prefetch=2, timeout=100)
    taken = next(consumer)
    assert taken is not None
    taken.options["traceback"] = "as it was"
    consumer.nack(taken)
    consumer.close()


def test_numbers_and_back_again(redis_url: str) -> None:
    broker = BellBroker(redis_url)
    kill(broker, "page")
    broker.enqueue(message("drain", "page"))
    found = gauge.read(redis_url, ["page", "notify", "page"])
    assert found is not None
    assert [(one.name, one.waiting, one.dead) for one in found.queues] == [
        ("notify", 0, 0), ("page", 1, 1),
    ]  # fmt: skip
    assert len(found.processes) == 1
    assert gauge.put_back(redis_url, "page") == 1
    assert gauge.put_back(redis_url, "page") == 0
    with client(redis_url) as connection:
        texts = connection.hvals("tocsin:page.msgs")
    fresh = [dramatiq.Message.decode(text) for text in texts]
    assert [one.actor_name for one in fresh] == ["drain", "drain"]
    assert all("traceback" not in one.options for one in fresh)
    consumer = broker.consume("page", prefetch=4, timeout=100)
    for _ in range(2):
        taken = next(consumer)
        assert taken is not None
        consumer.ack(taken)
    consumer.close()


def test_without_redis_there_are_no_numbers() -> None:
    url = "redis://127.0.0.1:1/0"
    assert gauge.read(url, ["page"]) is None
    with pytest.raises(redis.RedisError):
        gauge.put_back(url, "page")
