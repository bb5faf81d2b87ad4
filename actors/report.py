"""Report: make what is due of each series, and send the letters that bring it.

Rung by the sweep, by the tick of rq-scheduler each minute, and by whoever asks: it reads what is
due from the record, so that a lost ring delays, and a double one changes nothing.
"""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import orjson
import structlog

from actors import _letters, _runtime, _work
from scheduler import reporting
from scheduler import reports as plugins
from tocsin import ids
from tocsin.domain import cadence
from tocsin.domain.reporting import Report
from tocsin.storage import reports, timers
from tocsin.storage.record import Transaction

log = structlog.get_logger(__name__)

LIMIT = 20
POLICY = "policy"
#: After so many failures in a row somebody is told; it is tried again all the same.
FAILURES = 5
PAUSES = (timedelta(seconds=10), timedelta(minutes=1), timedelta(minutes=10))
FAILED = "A report of the policy cannot be made"


@_work.actor("report", _runtime.queue_of("report"))
def report(queue: str) -> bool:
    """Do what is due; True where there may be more of it."""
    here = _runtime.here()
    with here.record.claims() as tx:
        due = timers.due(tx, reports.TIMER, LIMIT)
    for row in due:
        tenant, subject = row["tenant"], row["subject"]
        if subject == POLICY:
            here.record.again(lambda tenant=tenant: _lay(here, tenant))  # type: ignore[misc]
        elif subject.startswith(reports.SERIES):
            _run(here, tenant, subject.removeprefix(reports.SERIES))
        else:
            _letters.send(here, tenant, uuid.UUID(subject.removeprefix(reports.LETTER)))
    # What was made has letters, which are due at once.
    return bool(due)


def rhythm(of: Report) -> cadence.Rhythm:
    """When it is due."""
    written = of.written
    kind = plugins.registry().get(written.kind)
    every = written.cadence or (kind.CADENCE if kind else "weekly")
    return cadence.Rhythm(every, written.time_of_day, written.zone, written.weekday, written.day)


def _lay(here: _runtime.Runtime, tenant: int) -> None:
    """Make the series in the record those of the policy in force."""
    with here.record.session([tenant]) as tx:
        policy = here.tenants(tx, [tenant])[tenant].policy
        plans = []
        for each in policy.reports if policy else ():
            found = rhythm(each)
            plan = [found.every, found.at.isoformat(), found.zone, found.weekday, found.day]
            plans.append({
                "tenant": tenant, "name": each.name, "plan": orjson.dumps(plan).decode(),
                "next_run_at": cadence.following(found, tx.now),
            })  # fmt: skip
        reports.lay(tx, tenant, plans)
        timers.drop(tx, reports.TIMER, [{"tenant": tenant, "subject": POLICY}])


def _run(here: _runtime.Runtime, tenant: int, name: str) -> None:
    """Make what one series is due. What goes wrong is put off, and told where it goes on."""
    try:
        here.record.again(lambda: _make(here, tenant, name))
    except Exception as error:
        log.error("report failed", tenant=tenant, report=name, error=repr(error)[:300])
        with here.record.session([tenant]) as tx:
            said = f"{type(error).__name__}: {error}"
            if reports.failed(tx, tenant, name, said, PAUSES) == FAILURES:
                reports.warn(tx, tenant, "TocsinReportFailed", FAILED, f"{name}: {said}")


def _make(here: _runtime.Runtime, tenant: int, name: str) -> None:
    with here.record.session([tenant]) as tx:
        row = reports.hold(tx, tenant, name)
        if row is None:
            reports.forget(tx, tenant, name)
            return
        found = here.tenants(tx, [tenant])[tenant]
        listed = found.policy.reports if found.policy else ()
        wanted = next((each for each in listed if each.name == name), None)
        if wanted is None:
            timers.exactly(tx, reports.TIMER, [_policy(tenant, tx)])
            reports.done(tx, row, tx.now + timedelta(days=1))
            return
        _make_one(here, tx, found, wanted, row)


def _make_one(
    here: _runtime.Runtime, tx: Transaction, of: _runtime.Tenant, wanted: Report,
    row: dict[str, Any],
) -> None:  # fmt: skip
    """Make the report of one time in the transaction that says when the next is due."""
    times = rhythm(wanted)
    period = cadence.period(times.every, row["next_run_at"], times.zone)
    order = reporting.Order(
        of.id, of.slug, wanted.written.kind, period, of.policy, of.version,
        here.settings.public_url, schedule=wanted.name, locale=wanted.written.locale,
    )  # fmt: skip
    made = reporting.make(tx, order)
    following = cadence.following(times, row["next_run_at"])
    # After a long silence each time has its report, but only the newest is worth a letter.
    if made is not None and following > tx.now:
        reports.post(tx, [
            {"tenant": of.id, "id": ids.new(tx.now), "report_id": made, "address": each.address,
             "channel": each.channel}
            for each in wanted.recipients
        ])  # fmt: skip
    reports.done(tx, row, following)


def _policy(tenant: int, tx: Transaction) -> dict[str, Any]:
    return {"tenant": tenant, "subject": POLICY, "due_at": tx.now}
