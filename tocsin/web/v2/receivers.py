"""Alertmanager's list of receivers."""

from __future__ import annotations

from fastapi import APIRouter

from schemas import alertmanager as schema
from tocsin.web import access, in_force
from tocsin.web.v2 import answers

router = APIRouter(tags=["alertmanager"])


@router.get("/receivers", responses=answers.responses())
def v2_receivers(caller: access.Reader, record: access.Recorded) -> list[schema.Receiver]:
    """The receivers of the policy in force."""
    with record.session([caller.tenant]) as tx:
        policy = in_force.policy(tx, caller.tenant)
    return [schema.Receiver(name=name) for name in (policy.receivers if policy else ())]
