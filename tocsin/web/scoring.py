"""Models over HTTP: what scores alerts, training, rolling back; and what people say of a score."""

from __future__ import annotations

from fastapi import APIRouter, Request

from schemas import models as schema
from schemas.scoring import Scoring
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.security import audit
from tocsin.storage import models, scores, search
from tocsin.storage.record import Transaction
from tocsin.web import access, in_force

router = APIRouter(tags=["models"])


@router.get("/models")
def list_models(
    request: Request, caller: access.Reader, record: access.Recorded
) -> schema.ScoringState:
    """What scores alerts now, when it is trained next, and the versions that are kept."""
    with record.session([caller.tenant]) as tx:
        return _state(tx, caller.tenant, request.app.state.settings)


@router.post("/models/train")
def train_model(
    request: Request, caller: access.Admin, record: access.Recorded
) -> schema.ScoringState:
    """Train a new version now instead of at the next interval. It is put in use when it is made."""
    with record.session([caller.tenant]) as tx:
        models.ask(tx, caller.tenant)
        audit.record(
            tx, caller.tenant, access.actor(caller), "model.train", "", {"name": caller.name}
        )
        state = _state(tx, caller.tenant, request.app.state.settings)
    access.ring(request, "train", access.stage_queue(request, "train"))
    return state


@router.post("/models/rollback")
def roll_back_model(
    request: Request, body: schema.ModelVersion, caller: access.Admin, record: access.Recorded
) -> schema.ScoringState:
    """Score with an older version again, until the next training makes a new one."""
    with record.session([caller.tenant]) as tx:
        kept = [row["version"] for row in models.listed(tx, caller.tenant)]
        if body.version not in kept:
            there = ", ".join(map(str, kept)) or "none"
            raise errors.NotFound(f"no such version of the model is kept; there is {there}")
        models.use(tx, caller.tenant, body.version)
        said = {"name": caller.name, "to": body.version}
        audit.record(tx, caller.tenant, access.actor(caller), "model.rollback", "", said)
        return _state(tx, caller.tenant, request.app.state.settings)


@router.post("/alerts/{fingerprint}/feedback")
def judge_score(
    fingerprint: str, body: schema.FeedbackAsked, caller: access.Responder, record: access.Recorded
) -> schema.FeedbackItem:
    """Say that an alert is noise, as it usually is, or that it is not. The next training heeds it.

    It is about the newest firing of the alert; said again, the last word counts.
    """
    missing = errors.NotFound("there is no such alert in this tenant; `GET /alerts` lists them")
    if "\0" in fingerprint:
        raise missing
    with record.session([caller.tenant]) as tx:
        if search.alert(tx, caller.tenant, fingerprint) is None:
            raise missing
        event = scores.newest_firing(tx, caller.tenant, fingerprint)
        if event is None:
            raise errors.Conflict("this alert never fired, so there is nothing to judge")
        said = {"verdict": body.verdict, "note": body.note, "author": caller.name}
        scores.say(tx, {**said, "tenant": caller.tenant, "fingerprint": fingerprint,
                        "event": event})  # fmt: skip
        by = access.actor(caller)
        audit.record(
            tx,
            caller.tenant,
            by,
            "alert.feedback",
            fingerprint,
            {"name": caller.name, "verdict": body.verdict, "note": body.note or ""},
        )
        now = tx.now
    return schema.FeedbackItem(
        fingerprint=fingerprint, verdict=body.verdict, note=body.note, author=caller.name, at=now
    )


def _state(tx: Transaction, tenant: int, settings: Settings) -> schema.ScoringState:
    policy, row = in_force.policy(tx, tenant), models.state(tx, tenant)
    chosen = policy.scoring if policy else Scoring()
    return schema.ScoringState(
        enabled=settings.ml_enabled and policy is not None and chosen.enabled,
        detector=chosen.detector,
        threshold=chosen.threshold or settings.anomaly_threshold,
        active=row["active"] if row else None,
        train_at=row["train_at"] if row else None,
        problem=row["problem"] if row else None,
        models=[schema.ModelItem(**each) for each in models.listed(tx, tenant)],
    )
