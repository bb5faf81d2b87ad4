"""Trying mappings of foreign JSON out over HTTP. For admins only: mappings are policy."""

from __future__ import annotations

from fastapi import APIRouter

from schemas import senders
from tocsin import errors
from tocsin.config import mapping as config
from tocsin.domain import mapping, previewing
from tocsin.storage import policies
from tocsin.storage.record import Transaction
from tocsin.web import access

router = APIRouter(tags=["policy"])


@router.post("/sources/preview")
def preview_source(
    body: senders.PreviewAsked, caller: access.Admin, record: access.Recorded
) -> senders.Preview:
    """What a mapping would make of a document: alerts, fingerprints, what is refused and why.

    Give the name of a source of the policy in force, or a whole mapping as `source`. Nothing is
    stored and nobody is told.
    """
    if (body.name is None) == (body.source is None):
        raise errors.Invalid([("/name", "give either `name` or `source`")])
    with record.session([caller.tenant]) as tx:
        source = _given(body) if body.source else _in_force(tx, caller.tenant, str(body.name))
        now = tx.now
    return previewing.preview(source, body.body, now)


def _given(body: senders.PreviewAsked) -> mapping.Source:
    assert body.source is not None
    plain = {"sources": [body.source.model_dump(exclude_none=True)]}
    problems = [
        ("/source/" + "/".join(map(str, path[2:])), said)
        for path, said in config.problems_of(plain)
    ]
    if problems:
        raise errors.Invalid(problems)
    return mapping.compiled(body.source)


def _in_force(tx: Transaction, tenant: int, name: str) -> mapping.Source:
    found = config.loaded(policies.senders(tx, tenant)).sources
    if name not in found:
        there = ", ".join(sorted(found)[:20]) or "none"
        raise errors.NotFound(f"no such source is in the policy in force; there is {there}")
    return found[name]
