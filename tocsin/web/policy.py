"""The policy over HTTP: read, check, compare, put in force. For admins: it names destinations."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from schemas import api
from schemas import policies as schema
from tocsin import errors
from tocsin.config import ambiguities
from tocsin.domain import policy_diff
from tocsin.i18n import doubts
from tocsin.security import audit, tokens
from tocsin.storage import doubting, policies
from tocsin.storage.record import Transaction
from tocsin.web import access, in_force, versions

router = APIRouter(tags=["policy"])

Version = Annotated[int, Query(ge=0, le=2**31 - 1, description="0: the one in force.")]


@router.get("/policy")
def show_policy(
    response: Response, caller: access.Admin, record: access.Recorded, version: Version = 0
) -> api.PolicyItem:
    """A document and its version; all null where none was applied yet. The ETag is for PUT."""
    with record.session([caller.tenant]) as tx:
        row = policies.current(tx, caller.tenant)
        problem = policies.problem(tx, caller.tenant)
        versions.tag(response, row["version"] if row else 0)
        if version:
            row = _version(tx, caller.tenant, version)
    known = row or dict.fromkeys(("version", "document", "author", "created_at"))
    return api.PolicyItem(**known, problem=problem)


@router.put("/policy", responses=versions.ANSWERS)
def apply_policy(
    request: Request,
    response: Response,
    body: schema.PolicyText,
    caller: access.Admin,
    record: access.Recorded,
    if_match: versions.IfMatch = None,
) -> api.PolicyItem:
    """Check a document and put it in force. If-Match names the version that was read, or "0".

    A file in the folder of policies takes over again when it is changed.
    """
    _check(body.document)

    def work() -> api.PolicyItem:
        with record.session([caller.tenant]) as tx:
            was = policies.lock(tx, caller.tenant)
            versions.require(if_match, was)
            return _apply(tx, caller, body.document, was, "config.apply", {})

    return _done(request, response, record.again(work))


@router.post("/policy/check")
def check_policy(
    body: schema.PolicyText, caller: access.Admin, record: access.Recorded
) -> schema.PolicyCheck:
    """Say everything that is wrong with a document, each with its line. Stores nothing.

    Of a valid one it says what may go wrong all the same: people whom nothing reaches, or nothing
    ever showed to reach, and holes in schedules that escalations ask.
    """
    try:
        policy = in_force.tried(body.document)
    except errors.PolicyError as error:
        found = [schema.PolicyProblem(line=line, detail=said) for line, said in error.problems]
        return schema.PolicyCheck(valid=False, problems=found)
    said: list[tuple[int | None, str]] = [*ambiguities.of(body.document)]
    with record.session([caller.tenant]) as tx:
        said += [(None, doubts.sentence(each)) for each in doubting.of(tx, caller.tenant, policy)]
    found = [schema.PolicyProblem(line=line, detail=text) for line, text in said]
    return schema.PolicyCheck(valid=True, warnings=found)


@router.post("/policy/diff")
def compare_policy(
    body: schema.PolicyText, caller: access.Admin, record: access.Recorded, version: Version = 0
) -> schema.PolicyDiff:
    """What a document would change: which routes, receivers and so on. Stores nothing."""
    _check(body.document)
    with record.session([caller.tenant]) as tx:
        row = (
            _version(tx, caller.tenant, version)
            if version else policies.current(tx, caller.tenant)
        )  # fmt: skip
    before = in_force.parsed(row["document"]) if row else None
    return described(
        row["version"] if row else None, policy_diff.diff(before, in_force.parsed(body.document))
    )


@router.get("/policy/versions")
def list_policy_versions(
    caller: access.Admin,
    record: access.Recorded,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> api.Page[schema.VersionItem]:
    """The newest versions: who put them in force, and which one is. Older ones: `GET /policy`."""
    with record.session([caller.tenant]) as tx:
        rows = policies.history(tx, caller.tenant, limit)
    return api.Page(items=[schema.VersionItem(**row) for row in rows])


@router.post("/policy/rollback", responses=versions.ANSWERS)
def roll_back_policy(
    request: Request,
    response: Response,
    body: schema.OlderVersion,
    caller: access.Admin,
    record: access.Recorded,
    if_match: versions.IfMatch = None,
) -> api.PolicyItem:
    """Put an older version in force again, as a new version. It holds until the file changes."""

    def work() -> api.PolicyItem:
        with record.session([caller.tenant]) as tx:
            was = policies.lock(tx, caller.tenant)
            versions.require(if_match, was)
            document = _version(tx, caller.tenant, body.version)["document"]
            _check(document)
            said = {"to": body.version}
            return _apply(tx, caller, document, was, "config.rollback", said)

    return _done(request, response, record.again(work))


def described(version: int | None, changes: list[policy_diff.Change]) -> schema.PolicyDiff:
    """A comparison as the API shows it."""
    shown = [
        schema.PolicyChange(
            section=each.section,
            id=each.id,
            what=each.what,
            fields=[
                schema.FieldChange(path=field.path, before=field.before, after=field.after)
                for field in each.fields
            ],
        )
        for each in changes
    ]
    return schema.PolicyDiff(version=version, same=not changes, changes=shown)


def _check(document: str) -> None:
    """Raises Invalid with every problem. An old version may use what there is no longer."""
    try:
        in_force.tried(document)
    except errors.PolicyError as error:
        raise errors.Invalid(
            [("#/document", f"line {line}: {said}" if line else said)
             for line, said in error.problems]
        ) from error  # fmt: skip


def _apply(
    tx: Transaction, caller: tokens.Caller, document: str, was: int, act: str, said: dict[str, Any]
) -> api.PolicyItem:
    version = policies.apply(tx, caller.tenant, document, caller.name)
    if version != was:
        said = {**said, "name": caller.name}
        audit.record(tx, caller.tenant, access.actor(caller), act, str(version), said)
    row = policies.current(tx, caller.tenant)
    assert row is not None
    return api.PolicyItem(**row, problem=None)


def _done(request: Request, response: Response, found: api.PolicyItem) -> api.PolicyItem:
    access.ring(request, "reroute", access.stage_queue(request, "reroute"))
    versions.tag(response, found.version or 0)
    return found


def _version(tx: Transaction, tenant: int, version: int) -> dict[str, Any]:
    row = policies.version(tx, tenant, version)
    if row is None:
        raise errors.NotFound(f"there is no version {version}; `GET /policy/versions` lists them")
    return row
