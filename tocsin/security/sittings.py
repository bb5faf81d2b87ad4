"""Signed in to the pages: a secret of the browser's own, worth as much as the token behind it."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import timedelta

from tocsin import errors
from tocsin.security import audit, tokens
from tocsin.storage import sittings as stored
from tocsin.storage.record import Transaction

LASTS = timedelta(hours=12)


def begin(tx: Transaction, caller: tokens.Caller) -> str:
    """Sign the holder of a token in; returns what the browser keeps, in clear this once."""
    secret = secrets.token_urlsafe(32)
    stored.begin(tx, caller.tenant, tokens.digest(secret), caller.token, LASTS)
    by = f"token:{caller.token}"
    audit.record(tx, caller.tenant, by, "sitting.begin", str(caller.token), {"name": caller.name})
    return secret


def look_up(tx: Transaction, secret: str) -> tokens.Caller:
    """Raises NotAuthenticated; over, unknown and of a revoked token look the same."""
    if not secret:
        raise errors.NotAuthenticated
    return tokens.caller(tx.row(stored.LOOKUP, [tokens.digest(secret)]))


def end(tx: Transaction, caller: tokens.Caller, secret: str) -> None:
    stored.end(tx, caller.tenant, tokens.digest(secret))


def proof(secret: str) -> str:
    """What a form must bring along: another site can make the browser post, but not know this."""
    return hashlib.sha256(b"form of " + secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_proven(secret: str, given: str) -> bool:
    return hmac.compare_digest(proof(secret).encode(), given.encode("utf-8", "surrogatepass"))
