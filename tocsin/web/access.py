"""Who calls the API, for which tenant, and whether the token may do that; fails closed."""

from __future__ import annotations

from typing import Annotated, cast

from fastapi import Depends, Request, Security
from fastapi.security import (
    HTTPAuthorizationCredentials,
    HTTPBasic,
    HTTPBasicCredentials,
    HTTPBearer,
    SecurityScopes,
)

from tocsin import errors
from tocsin.security import tokens
from tocsin.storage.record import Record

BEARER = HTTPBearer(auto_error=False, scheme_name="bearer", description="A token of Tocsin.")
BASIC = HTTPBasic(
    auto_error=False, scheme_name="basic", description="Any user name; the token is the password."
)


def record(request: Request) -> Record:
    return cast(Record, request.app.state.record)


def caller(
    request: Request,
    scopes: SecurityScopes,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)],
    basic: Annotated[HTTPBasicCredentials | None, Security(BASIC)],
) -> tokens.Caller:
    """The caller, who holds all these scopes and is of the tenant in the path, if one is there.

    Raises NotAuthenticated or Forbidden; the latter in the same words whether the tenant exists.
    """
    token = bearer.credentials if bearer else basic.password if basic else ""
    found = identify(record(request), token)
    slug = request.path_params.get("tenant")
    if slug is not None and slug != found.slug:
        raise errors.Forbidden("this token is not one of the tenant in the address")
    for scope in scopes.scopes:
        found.require(cast(tokens.Scope, scope))
    request.state.caller = found
    return found


def identify(held: Record, token: str) -> tokens.Caller:
    """The holder of a token; raises NotAuthenticated."""
    if not token:
        raise errors.NotAuthenticated
    with held.claims() as tx:
        return tokens.look_up(tx, token)


Recorded = Annotated[Record, Depends(record)]
Reader = Annotated[tokens.Caller, Security(caller, scopes=["read"])]
Responder = Annotated[tokens.Caller, Security(caller, scopes=["respond"])]
Admin = Annotated[tokens.Caller, Security(caller, scopes=["admin"])]


def ring(request: Request, actor: str, queue: str) -> None:
    """Tell a queue that there is work; best effort, after the commit only."""
    request.app.state.ring(actor, queue)


def stage_queue(request: Request, stage: str) -> str:
    """The queue that a stage of the pipeline works on in this installation."""
    return cast(dict[str, str], request.app.state.queues)[stage]


def actor(found: tokens.Caller) -> str:
    """How the audit names a caller: by the token, which a name alone does not tell apart."""
    return f"token:{found.token}"
