"""rq-scheduler as a tick: at its times it rings an actor. It decides nothing and holds no work.

A tick that it loses between its round trips to Redis is planned again within the minute, because
the plan is laid anew; the actors that it rings are harmless when they are rung twice, and when they
are not rung: what they do is read from the record, and the sweep reads that too.
"""

from __future__ import annotations

import time
import warnings
from typing import Any

import redis
import rq_scheduler
from rq.job import Job

from workers import enqueue, queues
from workers.broker import client

# crontab announces a change that does not touch us: the clock runs in UTC.
warnings.filterwarnings("ignore", category=FutureWarning, module="rq_scheduler")

#: rq-scheduler keeps pickles: in a database of its own, and only its own keys are read.
DATABASE = 1
PLAN_AGAIN_SECONDS = 60
#: Job id -> (cron in UTC, actor, queue).
PLAN = {
    "tocsin-housekeep": ("*/10 * * * *", "housekeep", queues.BACKGROUND),
    # Its rings come from the drains; this is for one that was lost.
    "tocsin-score": ("* * * * *", "score", queues.SCORING),
    "tocsin-train": ("* * * * *", "train", queues.SCORING),
    "tocsin-report": ("* * * * *", "report", queues.BACKGROUND),
}


def ring(actor: str, queue: str) -> None:
    """What a job of the plan names; `Ticks` never runs it but rings instead."""


class Ticks(rq_scheduler.Scheduler):  # type: ignore[misc]
    """A scheduler whose due jobs ring an actor at once, without an RQ worker."""

    def __init__(self, url: str, bell: enqueue.Bell) -> None:
        connection = client(url)
        connection.connection_pool.connection_kwargs["db"] = DATABASE
        super().__init__(connection=connection, interval=1)
        self._bell = bell
        self._planned_at = -float(PLAN_AGAIN_SECONDS)

    def tick(self) -> None:
        """Ring what is due and lay the plan where it is missing."""
        try:
            # First what is due: laid anew it would be due only the next time, for ever.
            self.enqueue_jobs()
            if time.monotonic() - self._planned_at > PLAN_AGAIN_SECONDS:
                self._lay_plan()
        except redis.RedisError:
            self._planned_at = -float(PLAN_AGAIN_SECONDS)

    def get_queue_for_job(self, job: Job) -> Any:
        """Where rq-scheduler puts what is due: here, something that rings instead."""
        return self

    def enqueue_job(self, job: Job, at_front: bool | None = None) -> None:
        """Called twice for each job: by the loop, then, by way of it, as the job's "queue"."""
        if at_front is None:
            super().enqueue_job(job)
        elif job.id in PLAN:
            _, actor, queue = PLAN[job.id]
            self._bell.ring(actor, queue)

    def _lay_plan(self) -> None:
        for id, (cron, actor, queue) in PLAN.items():
            self.cron(cron, ring, args=[actor, queue], id=id, queue_name=queue)
        self._planned_at = time.monotonic()
