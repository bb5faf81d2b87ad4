"""The tenant in which Tocsin watches itself: made once, with a policy that the operator may change.

A tenant of that name that somebody else made for himself is left alone.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from tocsin import errors, ids
from tocsin.security import audit, crypto, tokens
from tocsin.storage import policies, tenants
from tocsin.storage import tokens as stored
from tocsin.storage.record import Record, Transaction

AUTHOR = "tocsin"
NAME = "Tocsin's watch over itself"
POLICY = """\
# Made by Tocsin to watch itself; yours to change. TocsinSynthetic, posted each minute, must reach
# a receiver that sends: the heartbeat and the metrics hang on it. All else that Tocsin says about
# the installation goes to `operator`, who hears nothing until you give him a channel.
route:
  receiver: operator
  group_by: [alertname, tenant, what]
  routes:
    - matchers: ['alertname="TocsinSynthetic"']
      receiver: probe
      group_by: [alertname, shot]
      group_wait: 0s
      group_interval: 1s
receivers:
  - name: operator
  - name: probe
    probe:
      - name: watch
scoring:
  enabled: false
"""


@dataclass(frozen=True)
class Home:
    """The tenant of the watch, and what it posts with."""

    tenant: int
    slug: str
    token: str = field(repr=False)


def settle(record: Record, sealer: crypto.Sealer, slug: str) -> Home:
    """Find the tenant, or make it; the same token for every clock that has the master key.

    Raises SetupError where the tenant is somebody's, or cannot be made.
    """
    try:
        return record.again(lambda: _settle(record, sealer, slug))
    except (errors.BadRequest, errors.Conflict) as error:
        raise errors.SetupError(f"TOCSIN_WATCH_TENANT: {error.message}") from error


def find(tx: Transaction, slug: str) -> int | None:
    """The id of the tenant of the watch; None where there is none (yet)."""
    try:
        return tenants.find(tx, slug) if slug else None
    except errors.NotFound:
        return None


def _settle(record: Record, sealer: crypto.Sealer, slug: str) -> Home:
    with record.claims() as tx:
        # Two clocks may start at once: the second waits and finds all done.
        tx.run("SELECT pg_advisory_xact_lock(7021906)")
        tenant = find(tx, slug)
        if tenant is None:
            tenant = tenants.create(tx, slug, NAME)
        tx.scope([tenant])
        known = policies.every(tx, tenant)
        if not known:
            version = policies.apply(tx, tenant, POLICY, AUTHOR)
            audit.record(tx, tenant, AUTHOR, "config.apply", str(version), {})
        elif known[0]["author"] != AUTHOR:
            raise errors.SetupError(
                f"the tenant {slug!r} is somebody's own: name another in TOCSIN_WATCH_TENANT, and"
                " it will be made"
            )
        return Home(tenant, slug, _token(tx, sealer, tenant))


def _token(tx: Transaction, sealer: crypto.Sealer, tenant: int) -> str:
    """Made of the tenant's key, so that nothing need be kept; once revoked it stays so."""
    secret = sealer.derived(tx, tenant, "token of the watch")
    token = tokens.PREFIX + base64.urlsafe_b64encode(secret).decode().rstrip("=")
    digest = tokens.digest(token)
    if not stored.known(tx, tenant, digest):
        id = ids.new(tx.now)
        stored.add(tx, tenant, id, "watch", digest, ["ingest"], AUTHOR)
        audit.record(tx, tenant, AUTHOR, "token.add", str(id), {"name": "watch"})
    return token
