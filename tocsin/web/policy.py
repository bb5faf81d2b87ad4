"""The policy in force, over HTTP. For admins only: it names destinations."""

from __future__ import annotations

from fastapi import APIRouter

from schemas import api
from tocsin.storage import policies
from tocsin.web import access

router = APIRouter(tags=["policy"])


@router.get("/policy")
def show_policy(caller: access.Admin, record: access.Recorded) -> api.PolicyItem:
    """The document in force and its version; all null where none was applied yet."""
    with record.session([caller.tenant]) as tx:
        row = policies.current(tx, caller.tenant)
        problem = policies.problem(tx, caller.tenant)
    known = row or dict.fromkeys(("version", "document", "author", "created_at"))
    return api.PolicyItem(**known, problem=problem)
