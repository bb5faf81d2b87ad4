"""Train: a model of what is usual, from a tenant's own history, and anew every few hours."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import psycopg
import structlog

from actors import _runtime, _scores, _work, score
from tocsin import errors, i18n
from tocsin.domain import features, verdicts
from tocsin.domain.features import Event, Memory
from tocsin.storage import models as stored
from tocsin.storage import scores
from tocsin.storage.record import Transaction
from tocsin.storage.tallies import Tallies

if TYPE_CHECKING:
    from tocsin.scoring.models import Model

log = structlog.get_logger(__name__)

#: History that is learnt, at most so many events of it, read so many at a time.
SPAN, MOST, PAGE = timedelta(days=30), 60_000, 5_000
#: Verdicts that one training heeds, the newest.
VERDICTS = 50
#: Streams in which nothing came for so long are forgotten.
QUIET = timedelta(days=60)
#: Beyond every event.
END = 2**62


@dataclass
class Made:
    """What a training came to."""

    model: Model | None
    memory: Memory
    rows: int
    verdicts: int
    problem: str | None = None
    #: What counts the failure, where it is one.
    reason: str = field(default="")


@_work.actor("train", _runtime.queue_of("train"))
def train(queue: str) -> bool:
    """Train the tenant that has waited longest; True where there may be another."""
    here = _runtime.here()
    claimed = here.record.again(lambda: _claim(here))
    if claimed is None:
        return False
    try:
        made = _made(here, claimed["tenant"])
    except (errors.RecordAway, psycopg.OperationalError):
        raise  # the claim runs out by itself
    except Exception as error:
        log.exception("training failed", tenant=claimed["tenant"])
        made = Made(None, Memory(), 0, 0, f"{type(error).__name__} in the training", "training")
    here.record.again(lambda: _store(here, claimed, made))
    return True


def _claim(here: _runtime.Runtime) -> dict[str, Any] | None:
    with here.record.claims() as tx:
        return stored.claim(tx)


def _made(here: _runtime.Runtime, tenant: int) -> Made | None:
    """None: the tenant wants no scores."""
    from tocsin.scoring import models, replaying

    with here.record.session([tenant]) as tx:
        own = here.tenants(tx, [tenant])[tenant]
        said = scores.feedback(tx, tenant, tx.now - SPAN, VERDICTS)
    if own.policy is None or not _scores.on(own.policy):
        return None
    chosen = own.policy.scoring
    memory, lessons = Memory(), replaying.Lessons()
    marked, found = {row["event"]: row["verdict"] for row in said}, []
    for row in _history(here, tenant):
        event = score.seen_as(row, own.policy)
        seen = features.observe(memory, event)
        if row["id"] in marked:
            lessons.keep(event, seen)
            found.append(_verdict(event, marked[row["id"]]))
        else:
            lessons.add(event, seen)
    if len(lessons.kept) < chosen.min_history:
        problem = i18n.say("scoring.too_little", n=len(lessons.kept), wanted=chosen.min_history)
        return Made(None, memory, len(lessons.kept), len(found), problem)
    weights = np.array(verdicts.weights(lessons.lessons(), found))
    model = models.train(chosen.detector, lessons.matrix(), weights)
    return Made(model, memory, len(lessons.kept), len(found))


def _verdict(event: Event, said: str) -> verdicts.Verdict:
    return verdicts.Verdict(event.at, features.key(*event.stream), said == "noise")


def _history(here: _runtime.Runtime, tenant: int) -> list[dict[str, Any]]:
    """What scoring would have seen, in order; read in pages, so that no transaction is long."""
    found: list[dict[str, Any]] = []
    before = END
    while len(found) < MOST:
        with here.record.session([tenant]) as tx:
            page = scores.history(tx, tenant, tx.now - SPAN, before, PAGE)
        found += page
        if len(page) < PAGE:
            break
        before = page[-1]["id"]
    return found[::-1]


def _store(here: _runtime.Runtime, claimed: dict[str, Any], made: Made | None) -> None:
    tenant = claimed["tenant"]
    with here.record.session([tenant]) as tx:
        tallies = Tallies()
        if made is not None and made.model is not None:
            _put_in_use(here, tx, claimed, made, made.model)
            tallies.add(tenant, "models_trained_total", made.model.detector)
        elif made is not None and made.reason:
            tallies.add(tenant, "models_failed_total", made.reason)
        trained = made is None or made.model is not None
        again = stored.soon(tx.now, here.settings.ml_interval, trained)
        stored.planned(tx, tenant, again, made.problem if made else None)
        scores.forget_streams(tx, tenant, tx.now - QUIET)
        tallies.write(tx)


def _put_in_use(
    here: _runtime.Runtime, tx: Transaction, claimed: dict[str, Any], made: Made, model: Model
) -> None:
    from tocsin.scoring import storing

    tenant = claimed["tenant"]
    key = here.sealer.derived(tx, tenant, score.PURPOSE)
    blob, tag = storing.pack(model, key)
    stored.add(tx, tenant, {
        "detector": model.detector, "rows": made.rows, "feedback": made.verdicts,
        "libraries": storing.libraries(), "blob": blob, "mac": tag,
    })  # fmt: skip
    if claimed["active"] is None:
        # The first time there is history that nobody watched as it came.
        _bootstrap(tx, tenant, made.memory)


def _bootstrap(tx: Transaction, tenant: int, memory: Memory) -> None:
    scores.remember(
        tx,
        [
            {"tenant": tenant, "key": key, "state": msgspec.json.encode(state).decode()}
            for key, state in sorted(memory.streams.items())
        ],
    )
    crowd = msgspec.json.encode(memory.crowd).decode()
    scores.crowds(tx, [{"tenant": tenant, "crowd": crowd}])
