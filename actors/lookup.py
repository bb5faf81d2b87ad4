"""Lookup: asks other systems what enrichment wants to know; late facts ring `enrich` again.

The claim, with lease and fence, is committed before anybody is asked; between that and the answer
no connection is held. On a queue of its own: whoever answers slowly keeps no page waiting.
"""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

import channels
from actors import _answers, _runtime, _work
from tocsin import errors
from tocsin.domain import backoff, enrichers
from tocsin.egress import credentials, exchange
from tocsin.storage import events, inbox, lookups
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies

log = structlog.get_logger(__name__)

#: Longer than any exchange may take.
LEASE = timedelta(seconds=20)
#: Threads of one process that a tenant may have at one host.
PER_HOST = 4
#: Where there is no such thing, many systems say so in this way.
ABSENT = (404, 410)
#: Seconds between attempts when there were many.
LONGEST = 300.0


@dataclass(frozen=True, slots=True)
class Question:
    """A claimed question with all that asking it needs."""

    row: dict[str, Any]
    slug: str
    step: str
    source: enrichers.Source
    claimed: datetime

    @property
    def place(self) -> str:
        return f"{self.row['tenant']} {self.row['host']}"


_places: Counter[str] = Counter()
_taking = threading.Lock()


@_work.actor("lookup", _runtime.queue_of("lookup"))
def lookup(queue: str) -> bool:
    """Ask one question that is due; True where there may be another."""
    here = _runtime.here()
    taken = here.record.again(lambda: _take(here))
    if taken is None:
        return False
    # Another thread takes the next one while this one waits for its answer.
    here.wake("lookup")
    for question in taken:
        try:
            _ask(here, question)
        finally:
            with _taking:
                _places[question.place] -= 1
                if not _places[question.place]:
                    del _places[question.place]
    return True


def _take(here: _runtime.Runtime) -> list[Question] | None:
    """None: nothing is due. An empty list: no policy asks any more what was due."""
    with _taking:
        busy = [place for place, threads in _places.items() if threads >= PER_HOST]
        with here.record.claims() as tx:
            rows = lookups.claim(tx, 1, LEASE, busy)
            tx.scope({row["tenant"] for row in rows})
            taken = [question for row in rows if (question := _question(here, tx, row))]
        _places.update(question.place for question in taken)
    return taken if rows else None


def _question(here: _runtime.Runtime, tx: Transaction, row: dict[str, Any]) -> Question | None:
    tenant = here.tenants(tx, [row["tenant"]])[row["tenant"]]
    for step in tenant.policy.steps if tenant.policy else ():
        if step.digest == row["enricher"]:
            source: Any = step.enricher
            return Question(row, tenant.slug, step.name, source, tx.now)
    lookups.drop(tx, row)
    return None


def _ask(here: _runtime.Runtime, question: Question) -> None:
    try:
        given = _reply(here, question)
    except errors.Retryable as error:
        _try_later(here, question, error.message, error.after or 0.0)
    except (errors.TocsinError, ValueError) as error:
        _try_later(here, question, str(error), 0.0)
    except Exception as error:
        # A bug must not stop the others that wait; it is tried again and shown.
        log.exception("lookup failed", step=question.step)
        _try_later(here, question, f"{type(error).__name__} while it was asked", 0.0)
    else:
        here.record.again(lambda: _store(here, question, given))


def _reply(here: _runtime.Runtime, question: Question) -> enrichers.Given:
    chosen, settings = here.settings, question.source.settings
    ask = _answers.request(question.row)
    headers = {"accept": "application/json", **settings.headers}
    secrets = credentials.resolve(settings, question.slug, chosen.secrets_dir)
    if token := secrets.get("token"):
        name = settings.token_header or "authorization"
        headers[name] = token if settings.token_header else f"Bearer {token}"
    if ask.body:
        headers["content-type"] = "application/json"
    try:
        reply = exchange.ask(
            channels.http_client(chosen.egress_allow), ask.url,
            ask.body.encode() if ask.body else None, headers,
            now=question.claimed, seconds=settings.timeout.total_seconds(),
        )  # fmt: skip
    except errors.Permanent as error:
        if error.status_code in ABSENT:
            return enrichers.Given()
        raise
    return question.source.read(reply.body) if reply.body.strip() else enrichers.Given()


def _store(here: _runtime.Runtime, question: Question, given: enrichers.Given) -> None:
    """Store the answer and send round the alerts that went on without it."""
    row, settings = question.row, question.source.settings
    some = bool(given.labels or given.facts)
    with here.record.session([row["tenant"]]) as tx:
        until = tx.now + (settings.ttl if some else settings.miss_ttl)
        if not lookups.answered(tx, row, _answers.packed(given), until):
            return
        made = _send_round(here, tx, row, lookups.freed(tx, row))
        _count(tx, row, "answered" if some else "absent")
    if made:
        here.wake("enrich")


def _send_round(
    here: _runtime.Runtime, tx: Transaction, row: dict[str, Any], freed: list[dict[str, Any]]
) -> list[int]:
    version = here.tenants(tx, [row["tenant"]])[row["tenant"]].version
    made = events.insert(
        tx,
        [
            {"tenant": row["tenant"], "received_at": tx.now, "fingerprint": each["fingerprint"],
             "kind": "enriched", "status": "firing", "severity": each["severity"],
             "posted": False, "policy_version": version, "outcome": None, "cause": None}
            for each in freed
        ],
    )  # fmt: skip
    if made:
        inbox.hand_on(tx, "enrich", [(row["tenant"], made, tx.now)])
    return made


def _try_later(here: _runtime.Runtime, question: Question, error: str, after: float) -> None:
    row = question.row
    log.info("lookup not answered", tenant=question.slug, step=question.step, error=error[:300])
    wait = min(backoff.delay(row["attempts"]) or LONGEST, LONGEST)

    def note() -> None:
        with here.record.session([row["tenant"]]) as tx:
            again = tx.now + timedelta(seconds=max(wait, after))
            if lookups.failed(tx, row, error, again):
                _count(tx, row, "failed")

    here.record.again(note)


def _count(tx: Transaction, row: dict[str, Any], outcome: str) -> None:
    tallies = Tallies()
    tallies.add(row["tenant"], "lookups_total", outcome)
    tallies.write(tx)
