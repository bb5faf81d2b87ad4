"""Score: how unusual is what came? Beside the line, on a queue of its own, whenever there is time.

A score that comes after the rules had their say sends the alert round again where a rule would now
say something else. If nobody scores, or it fails, everything goes on as it would without scores.
"""

from __future__ import annotations

import functools
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import dramatiq
import msgspec
import numpy as np
import orjson
import psycopg
import structlog
from dramatiq.middleware import Middleware

from actors import _repeats, _rules, _runtime, _scores, _work
from tocsin import errors
from tocsin.domain import anomalies, features, rules
from tocsin.domain.features import Crowd, Memory, Stream
from tocsin.domain.policy import Policy
from tocsin.storage import models as stored
from tocsin.storage import scores
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies
from workers import queues, turns

if TYPE_CHECKING:
    # Every worker imports this file to know the actor; only the one that scores may have pyod.
    from tocsin.scoring.models import Model, Score

log = structlog.get_logger(__name__)

#: Parcels of one transaction at most, at least, and to begin with: how long they take tells.
MOST, LEAST, FIRST = 64, 4, 4
#: Nobody waits for a score, and a stream that is remembered once for many events costs less.
BEAT_SECONDS = 0.25
#: Older than this nothing gets a score any more: whoever was to be paged was paged.
LATE = timedelta(minutes=10)
PURPOSE = "model"
_crowd, _stream = msgspec.json.Decoder(Crowd), msgspec.json.Decoder(Stream)

_loaded: dict[int, tuple[int, Model | None]] = {}
_pace = turns.Pace(LEAST, FIRST)


@dataclass
class Sheet:
    """What one transaction scores for one tenant."""

    tenant: _runtime.Tenant
    policy: Policy
    row: dict[str, Any]
    memory: Memory
    #: By fingerprint the last event that fires, with its features.
    firing: dict[str, tuple[dict[str, Any], features.Row]] = field(default_factory=dict)


@_work.actor("score", _runtime.queue_of("score"), beat=BEAT_SECONDS)
def score(queue: str) -> bool:
    """Score what waits; True where there may be more."""
    here = _runtime.here()
    for rows in (_pace.size(MOST), 1):
        began = time.monotonic()
        try:
            wakes, taken = here.record.again(functools.partial(_once, here, rows))
        except Exception as error:
            if not _blames_rows(error):
                raise
            log.exception("scoring failed", rows=rows)
            continue
        _pace.took(taken, time.monotonic() - began)
        for actor in sorted(wakes):
            here.wake(actor)
        return taken > 0
    # Whatever is wrong with this one, nothing waits for its score.
    here.record.again(lambda: _give_up(here))
    return True


def _blames_rows(error: Exception) -> bool:
    if isinstance(error, psycopg.errors.TransactionTimeout):
        return True
    return not isinstance(error, psycopg.OperationalError | errors.RecordAway)


def _give_up(here: _runtime.Runtime) -> None:
    with here.record.claims() as tx:
        tallies = Tallies()
        claimed = scores.claim(tx, 1)
        tx.scope({row["tenant"] for row in claimed})
        for row in claimed:
            tallies.add(row["tenant"], "alerts_unscored_total", "failed", value=len(row["events"]))
        tallies.write(tx)


def _once(here: _runtime.Runtime, rows: int) -> tuple[set[str], int]:
    with here.record.claims() as tx:
        claimed = scores.claim(tx, rows)
        if not claimed:
            return set(), 0
        tx.scope({row["tenant"] for row in claimed})
        tenants = here.tenants(tx, {row["tenant"] for row in claimed})
        sheets = _read(tx, tenants, claimed)
        tallies, marks = Tallies(), set[_rules.Mark]()
        for sheet in sheets:
            marks |= _score(here, tx, sheet, tallies)
        _remember(tx, sheets)
        wakes = {"evaluate"} if _rules.send_round(tx, tenants, marks) else set()
        if any(sheet.row["train_at"] <= tx.now for sheet in sheets):
            wakes.add("train")
        tallies.write(tx)
        return wakes, len(claimed)


def _read(
    tx: Transaction, tenants: dict[int, _runtime.Tenant], claimed: list[dict[str, Any]]
) -> list[Sheet]:
    """The events of the claimed rows, seen one after the other by what each tenant remembers."""
    on = {id: each for id, each in tenants.items() if _scores.on(each.policy)}
    locked = {row["tenant"]: row for row in scores.lock(tx, on, tx.now)} if on else {}
    ids = [event for row in claimed if row["tenant"] in on for event in row["events"]]
    happened = scores.events(tx, ids, min(row["since"] for row in claimed)) if ids else []
    seen = [(row, seen_as(row, on[row["tenant"]].policy)) for row in happened]
    states = scores.streams(
        tx, {(row["tenant"], features.key(*event.stream)) for row, event in seen}
    )
    by_tenant = defaultdict[int, dict[str, Stream]](dict)
    for (tenant, key), state in states.items():
        by_tenant[tenant][key] = _stream.decode(state)
    sheets = {
        id: Sheet(on[id], _policy(on[id]), row, Memory(_crowd_of(row), by_tenant[id]))
        for id, row in locked.items()
    }
    for row, event in seen:
        sheet = sheets[row["tenant"]]
        found = features.observe(sheet.memory, event)
        if event.status == "firing":
            sheet.firing[row["fingerprint"]] = (row, found)
    return list(sheets.values())


def seen_as(row: dict[str, Any], policy: Policy | None) -> features.Event:
    """An event as `scores.events` and `scores.history` read it, for the features."""
    label = policy.services.label if policy else "service"
    # The alert as it is now says when it began, unless it fires again by now.
    over = row["status"] == "resolved" and row["is_now"] == "resolved"
    lasted = (row["received_at"] - row["starts_at"]).total_seconds() if over else None
    return anomalies.event(
        row["received_at"], row["status"], orjson.loads(row["labels"]),
        orjson.loads(row["annotations"]), lasted, label,
    )  # fmt: skip


def _policy(tenant: _runtime.Tenant) -> Policy:
    assert tenant.policy is not None
    return tenant.policy


def _crowd_of(row: dict[str, Any]) -> Crowd:
    return _crowd.decode(row["crowd"]) if row["crowd"] else Crowd()


def _score(
    here: _runtime.Runtime, tx: Transaction, sheet: Sheet, tallies: Tallies
) -> set[_rules.Mark]:
    """Store the scores of a tenant's alerts; those whose rules would now say something else."""
    if not sheet.firing:
        return set()
    tenant, active = sheet.tenant.id, sheet.row["active"]
    model = _model(here, tx, tenant, active, tallies) if active is not None else None
    wanted = [pair for pair in sheet.firing.values() if not _late(pair[0], tx.now)]
    values = model.score([found for _, found in wanted]) if model else []
    given = {row["id"]: value for (row, _), value in zip(wanted, values, strict=False)}
    reached = sheet.policy.scoring.threshold or here.settings.anomaly_threshold
    items, marks = [], set()
    for row, _ in sheet.firing.values():
        value = given.get(row["id"])
        cause = None if value else "late" if model else "history" if active is None else "model"
        items.append(_item(row, value, cause, active, reached))
        if cause:
            tallies.add(tenant, "alerts_unscored_total", cause)
        else:
            tallies.add(tenant, "alerts_scored_total", _said(items[-1]["anomaly"]))
        if value and value.value is not None and _turns(tx, sheet.policy, row, value.value):
            marks.add((tenant, row["fingerprint"]))
    scores.store(tx, items)
    return marks


def _said(anomaly: bool) -> str:
    return "anomaly" if anomaly else "usual"


def _late(row: dict[str, Any], now: datetime) -> bool:
    return bool(now - row["received_at"] > LATE)


def _item(
    row: dict[str, Any], given: Score | None, cause: str | None, model: int | None, reached: float
) -> dict[str, Any]:
    value = given.value if given else None
    reasons = [
        {"feature": why.feature, "weight": why.weight, **why.fact._asdict()}
        for why in (given.reasons if given else ())
    ]
    return {
        "tenant": row["tenant"], "fingerprint": row["fingerprint"], "event": row["id"],
        "starts_at": row["starts_at"], "value": value, "cause": cause,
        "anomaly": value is not None and value >= reached,
        "reasons": orjson.dumps(reasons).decode() if given else None,
        "model": model if given else None,
    }  # fmt: skip


def _turns(tx: Transaction, policy: Policy, row: dict[str, Any], value: float) -> bool:
    """Whether a rule says something else of the alert, as it is now, once it knows the score."""
    if row["is_now"] != "firing" or not anomalies.matters(policy.rules):
        return False
    change = _repeats.of_row({**row, "last_seen": row["received_at"]})
    if not anomalies.changes(policy.rules, rules.subject(change, tx.now), value):
        return False
    return _scores.shown(tx, policy, change, value)


def _remember(tx: Transaction, sheets: list[Sheet]) -> None:
    scores.remember(
        tx,
        [
            {"tenant": sheet.tenant.id, "key": key, "state": msgspec.json.encode(state).decode()}
            for sheet in sheets
            for key, state in sorted(sheet.memory.streams.items())
        ],
    )
    scores.crowds(
        tx,
        [
            {"tenant": sheet.tenant.id, "crowd": msgspec.json.encode(sheet.memory.crowd).decode()}
            for sheet in sheets
        ],
    )


def _model(
    here: _runtime.Runtime, tx: Transaction, tenant: int, version: int, tallies: Tallies
) -> Model | None:
    """The model in use; None where it may not or cannot be loaded, which is said."""
    known = _loaded.get(tenant)
    if known is not None and known[0] == version:
        return known[1]
    from tocsin.scoring import storing

    made: Model | None = None
    row = stored.load(tx, tenant, version)
    try:
        if row is None:
            raise errors.TocsinError(f"version {version} of the model is not kept any more")
        key = here.sealer.derived(tx, tenant, PURPOSE)
        made = storing.unpack(row["blob"], row["mac"], key, row["libraries"])
    except Exception as error:
        problem = error.message if isinstance(error, errors.TocsinError) else repr(error)[:300]
        log.error("model not loaded", tenant=tenant, version=version, error=problem)
        stored.broken(tx, tenant, problem)
        tallies.add(tenant, "models_failed_total", "load")
        return None
    _loaded[tenant] = (version, made)
    return made


class Warmth(Middleware):
    """Does once, when the scoring process starts, what makes the first use of pyod slow."""

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        if queues.SCORING in (worker.consumer_whitelist or ()):
            threading.Thread(target=warm_up, name="warmth", daemon=True).start()


def warm_up() -> None:
    """Fit and ask a toy: imports and compilation take seconds the first time."""
    from tocsin.scoring import detectors, models

    toy = np.linspace(0.0, 1.0, 100 * len(features.NAMES)).reshape(100, -1)
    for name in detectors.NAMES:
        models.train(name, toy).scores(toy[:1])


_runtime.broker().add_middleware(Warmth())
