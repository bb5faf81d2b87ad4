"""Tokens: who is calling, for which tenant, with which scopes."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from dataclasses import dataclass
from typing import Any, get_args
from typing import Literal as L

from tocsin import errors, ids
from tocsin.security import audit
from tocsin.storage import tokens as stored
from tocsin.storage.record import Transaction

Scope = L["ingest", "read", "respond", "admin"]
SCOPES: tuple[str, ...] = get_args(Scope)
PREFIX = "toc_"
#: What a scope contains besides itself.
IMPLIES = {"admin": {"ingest", "read", "respond"}, "respond": {"read"}}


@dataclass(frozen=True)
class Caller:
    """The holder of a valid token."""

    tenant: int
    slug: str
    token: uuid.UUID
    name: str
    scopes: frozenset[str]

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or any(scope in IMPLIES.get(own, ()) for own in self.scopes)

    def require(self, scope: Scope) -> None:
        """Raises Forbidden."""
        if not self.may(scope):
            raise errors.Forbidden(f"this token has no {scope!r} scope; ask an admin for one")


def digest(token: str) -> bytes:
    """What is stored of a token. It has 256 bits of its own, so a fast hash is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def create(tx: Transaction, tenant: int, name: str, scopes: list[str], by: str = "operator") -> str:
    """Make a token and return it in clear, this once. Raises BadRequest for an unknown scope."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise errors.BadRequest(
            f"unknown scope {', '.join(unknown) or '(none)'}: choose from {', '.join(SCOPES)}"
        )
    token = PREFIX + secrets.token_urlsafe(32)
    token_id = ids.new(tx.now)
    stored.add(tx, tenant, token_id, name, digest(token), sorted(set(scopes)), by)
    audit.record(tx, tenant, by, "token.add", str(token_id), {"name": name, "scopes": scopes})
    return token


def revoke(tx: Transaction, tenant: int, token: uuid.UUID, by: str = "operator") -> None:
    """Raises NotFound."""
    stored.revoke(tx, tenant, token)
    audit.record(tx, tenant, by, "token.revoke", str(token), {})


def look_up(tx: Transaction, token: str) -> Caller:
    """Raises NotAuthenticated; unknown and revoked look the same."""
    return caller(tx.row(stored.LOOKUP, [digest(token)]))


def caller(row: dict[str, Any] | None) -> Caller:
    """The caller of a row of `stored.LOOKUP`; raises NotAuthenticated where there is none."""
    if row is None:
        raise errors.NotAuthenticated
    return Caller(row["tenant"], row["slug"], row["token"], row["name"], frozenset(row["scopes"]))
