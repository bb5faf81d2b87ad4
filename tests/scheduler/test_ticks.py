"""rq-scheduler is a tick: when something of its plan is due it rings, and that is all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from scheduler import ticks
from tests.conftest import Servers
from tests.scheduler.conftest import Bell
from workers.broker import client

# The crontab library of rq-scheduler announces what it will change one day.
pytestmark = pytest.mark.filterwarnings("ignore:Version 0.22.0:FutureWarning")


@pytest.fixture
def plan(servers: Servers) -> Iterator[redis.Redis]:
    """The database of rq-scheduler, empty."""
    with client(f"{servers.redis_url}?db={ticks.DATABASE}") as connection:
        connection.flushdb()
        yield connection
        connection.flushdb()


def test_a_tick_that_is_due_rings_once_and_is_planned_again(
    servers: Servers, plan: redis.Redis, bell: Bell
) -> None:
    made = ticks.Ticks(servers.redis_url, bell)
    key = made.scheduled_jobs_key
    made.tick()
    assert bell.rung == []
    assert plan.zcard(key) == len(ticks.PLAN)
    plan.zadd(key, {"tocsin-housekeep": 1})
    made.tick()
    made.tick()
    assert bell.rung == [("housekeep", "background")]
    score = plan.zscore(key, "tocsin-housekeep")
    assert isinstance(score, float)
    assert score > 1_000_000_000
    assert score % 600 == 0


def test_a_tick_that_is_due_when_the_plan_is_laid_anew_is_not_put_off(
    servers: Servers, plan: redis.Redis, bell: Bell
) -> None:
    made = ticks.Ticks(servers.redis_url, bell)
    made.tick()
    plan.zadd(made.scheduled_jobs_key, {"tocsin-report": 1})
    made._planned_at -= ticks.PLAN_AGAIN_SECONDS + 1
    made.tick()
    assert bell.rung == [("report", "background")]


def test_a_plan_that_was_lost_is_laid_anew(servers: Servers, plan: redis.Redis, bell: Bell) -> None:
    made = ticks.Ticks(servers.redis_url, bell)
    made.tick()
    plan.flushdb()
    made.tick()
    assert plan.zcard(made.scheduled_jobs_key) == 0
    made._planned_at -= ticks.PLAN_AGAIN_SECONDS + 1
    made.tick()
    assert plan.zcard(made.scheduled_jobs_key) == len(ticks.PLAN)


def test_a_tick_without_redis_waits_and_plans_again_when_it_is_back(bell: Bell) -> None:
    made = ticks.Ticks("redis://127.0.0.1:1/0", bell)
    made._planned_at = 1e12
    made.tick()
    assert made._planned_at == -ticks.PLAN_AGAIN_SECONDS
    assert bell.rung == []


def test_a_job_that_is_not_in_our_plan_rings_nobody(
    servers: Servers, plan: redis.Redis, bell: Bell
) -> None:
    made = ticks.Ticks(servers.redis_url, bell)
    made.tick()
    made.cron("* * * * *", ticks.ring, args=["evil", "page"], id="foreign", queue_name="page")
    plan.zadd(made.scheduled_jobs_key, {"foreign": 1})
    made.tick()
    assert bell.rung == []
