"""Escalations over HTTP: who would be told when, if nobody acts."""

from __future__ import annotations

from fastapi import APIRouter

from schemas import escalated as schema
from tocsin import errors
from tocsin.config import problems
from tocsin.domain import escalation
from tocsin.storage import escalations
from tocsin.web import access, chains, in_force

router = APIRouter(tags=["incidents"])


@router.post("/escalations/{name}/preview")
def preview_escalation(
    name: str,
    caller: access.Reader,
    record: access.Recorded,
    body: schema.PreviewAsked | None = None,
) -> schema.Preview:
    """Who would be told when by what if it began then, until somebody acts. Sends nothing."""
    asked = body or schema.PreviewAsked()
    if asked.at is not None and asked.at.tzinfo is None:
        raise errors.Invalid([("#/at", "needs a time zone, such as 2026-03-01T03:07:00Z")])
    with record.session([caller.tenant]) as tx:
        policy = in_force.policy(tx, caller.tenant)
        known = policy.escalations if policy else {}
        if policy is None or name not in known:
            said = f"the policy has no escalation `{name}`" + problems.suggest(name, known)
            raise errors.NotFound(said)
        turns = escalations.turns(tx, [(caller.tenant, name)])[caller.tenant, name]
        at = asked.at or tx.now
        world = escalation.World(policy, chains.overrides(tx, caller.tenant, at), turns)
    matter = escalation.Matter(asked.severity, asked.alerts)
    steps, ends = chains.foreseen(known[name], escalation.Place(), matter, world, at)
    return schema.Preview(
        name=name, at=at, severity=asked.severity, steps=steps, exhausted_at=ends,
        more=ends is None,
    )  # fmt: skip
