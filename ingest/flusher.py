"""Commits what concurrent requests bring in one transaction, then lets all of them answer."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

import psycopg

from ingest.clock import Clock
from ingest.pressure import Pressure
from tocsin import errors
from tocsin.storage import inbox, intake
from tocsin.storage.record import AsyncRecord

log = logging.getLogger(__name__)

#: A commit that takes longer is in doubt: the sender repeats, deduplication makes it harmless.
COMMIT_SECONDS = 5.0
#: How often an idle flusher asks whether the record is there, and how often when it was not.
PROBE_SECONDS, PROBE_AWAY_SECONDS = 1.0, 0.25
#: Ready means that the record answered no longer ago than this.
READY_SECONDS = 5.0
#: Bounds of one transaction.
_MOST_REQUESTS, _MOST_BYTES = 512, 16 * 1024 * 1024
#: Where the last flush had company, the next waits this long at most for as much.
LINGER_SECONDS = 0.0002


class Entry(NamedTuple):
    """What one request brings: its batch, if an alert was good, and its bad alerts."""

    tenant: int
    accepted: intake.Accepted | None
    refused: Sequence[intake.Refused] = ()

    @property
    def size(self) -> int:
        batch = len(self.accepted.body) if self.accepted else 0
        return batch + sum(len(each.body) for each in self.refused)


Waiting = tuple[Entry, "asyncio.Future[None]"]


class Flusher:
    """The one task that writes. `stored` is called after each commit and must not block."""

    def __init__(
        self, record: AsyncRecord, clock: Clock, stored: Callable[[], None], pressure: Pressure
    ) -> None:  # fmt: skip
        self._record, self._clock, self._stored = record, clock, stored
        self._pressure = pressure
        self._waiting: deque[Waiting] = deque()
        self._work = asyncio.Event()
        self._answered = float("-inf")
        self.stopping = False
        #: The record did not answer last time. Nothing is taken in until it does.
        self.away = False

    @property
    def ready(self) -> bool:
        return not self.away and time.monotonic() - self._answered < READY_SECONDS

    async def store(self, entry: Entry) -> None:
        """Return once it is committed. Raises RecordAway, or BadRequest where it cannot be."""
        if self.away or self.stopping:
            raise errors.RecordAway
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, done))
        self._work.set()
        await done

    async def run(self) -> None:
        """Write what waits, until `stop` and nothing waits any more."""
        company = 1
        while self._waiting or not self.stopping:
            if not self._waiting:
                await self._idle()
                continue
            await self._linger(company)
            batch = self._take()
            company = len(batch)
            await self._flush(batch)
            if self._pressure.due:
                await self.probe()

    def stop(self) -> None:
        """Take nothing more; `run` ends when what waits is written."""
        self.stopping = True
        self._work.set()

    async def probe(self) -> None:
        """Ask the record for its time and its load: it tells whether it is there, too."""
        alarm = asyncio.get_running_loop().call_later(COMMIT_SECONDS, self._overdue, [])
        try:
            async with self._record.session(()) as conn:
                now, load = await intake.look(conn, inbox.LIGHT, self._pressure.bound)
            self._clock.learn(now)
            self._pressure.learn(load)
            self._is_here()
        except (psycopg.Error, errors.RecordAway) as error:
            self._is_away(error)
        finally:
            alarm.cancel()

    async def _linger(self, company: int) -> None:
        until = time.monotonic() + LINGER_SECONDS
        while len(self._waiting) < company and time.monotonic() < until:
            # Not a timer: uvloop rounds it to whole milliseconds.
            await asyncio.sleep(0)

    async def _idle(self) -> None:
        self._work.clear()
        try:
            async with asyncio.timeout(PROBE_AWAY_SECONDS if self.away else PROBE_SECONDS):
                await self._work.wait()
        except TimeoutError:
            await self.probe()

    def _take(self) -> list[Waiting]:
        batch: list[Waiting] = []
        size = 0
        while self._waiting and len(batch) < _MOST_REQUESTS and size < _MOST_BYTES:
            batch.append(self._waiting.popleft())
            size += batch[-1][0].size
        return batch

    async def _flush(self, batch: list[Waiting]) -> None:
        alarm = asyncio.get_running_loop().call_later(COMMIT_SECONDS, self._overdue, batch)
        try:
            await self._write([entry for entry, _ in batch])
        except psycopg.errors.DiskFull:
            # It answers, and may still be read: what is refused is to take more in.
            self._pressure.full()
            _refuse(batch, errors.NoRoom)
        except (psycopg.OperationalError, errors.RecordAway) as error:
            self._is_away(error)
            _refuse(batch)
        except Exception:
            log.exception("%d requests cannot be stored together", len(batch))
            await self._each_alone(batch)
        else:
            self._is_here()
            self._stored()
            for _, done in batch:
                if not done.done():
                    done.set_result(None)
        finally:
            alarm.cancel()

    async def _each_alone(self, batch: list[Waiting]) -> None:
        """One of them is poisonous: it shall not take the others along."""
        for entry, done in batch:
            error: errors.TocsinError | None = None
            try:
                await self._write([entry])
                self._stored()
            except (psycopg.DataError, ValueError) as poison:
                log.error("a request of tenant %d is poison: %s", entry.tenant, type(poison))
                error = errors.BadRequest("this request cannot be stored; change it")
            except Exception:
                log.exception("a request of tenant %d cannot be stored", entry.tenant)
                error = errors.RecordAway()
            _settle(done, error)

    async def _write(self, entries: Sequence[Entry]) -> None:
        """Commit the entries; once more on a new connection if it broke before the commit."""
        for last in (False, True):
            committing = False
            try:
                async with self._record.session({entry.tenant for entry in entries}) as conn:
                    await intake.append(
                        conn,
                        [entry.accepted for entry in entries if entry.accepted],
                        [each for entry in entries for each in entry.refused],
                    )
                    committing = True
                return
            except psycopg.OperationalError:
                if last or committing or self.away:
                    raise

    def _is_here(self) -> None:
        if self.away:
            log.info("the record answers")
        self.away, self._answered = False, time.monotonic()

    def _is_away(self, error: Exception) -> None:
        if not self.away:
            log.error("the record is away: %s: %s", type(error).__name__, error)
        self.away = True
        # Whoever waits would wait for nothing: the sender has its own patience and its own queue.
        _refuse(self._waiting)
        self._waiting.clear()

    def _overdue(self, batch: list[Waiting]) -> None:
        self._is_away(TimeoutError(f"no answer for {COMMIT_SECONDS} s"))
        _refuse(batch)


def _refuse(
    waiting: Sequence[Waiting] | deque[Waiting],
    why: type[errors.TocsinError] = errors.RecordAway,
) -> None:
    for _, done in waiting:
        _settle(done, why())


def _settle(done: asyncio.Future[None], error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)
