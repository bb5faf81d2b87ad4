"""Scores beside the line: what is left to be scored, and what rules learn of a score.

Nothing here imports pyod: the line goes on whether or not anybody ever scores.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from actors import _runtime
from tocsin.domain import anomalies, rules
from tocsin.domain.change import Change
from tocsin.domain.policy import Policy
from tocsin.storage import scores
from tocsin.storage.record import Transaction

#: What has a score, and what teaches how long alerts usually last.
KINDS = frozenset({"new", "refired", "resolved"})
#: So many events are left as one, so that none takes the scorer long.
PARCEL = 1000


def on(policy: Policy | None) -> bool:
    """Whether a tenant's alerts are scored."""
    enabled = _runtime.configured().ml_enabled
    return enabled and policy is not None and policy.scoring.enabled


def leave(tx: Transaction, tenants: dict[int, _runtime.Tenant], changes: Iterable[Change]) -> bool:
    """Leave these changes to be scored some time after the commit; True where there are any.

    What Tocsin raises itself follows from alerts that were scored already.
    """
    wanted = [
        change
        for change in changes
        if change.kind in KINDS
        and change.source not in rules.OWN
        and on(tenants[change.tenant].policy)
    ]
    wanted.sort(key=lambda change: (change.tenant, change.event))
    parcels = []
    for tenant, some in itertools.groupby(wanted, key=lambda change: change.tenant):
        while own := list(itertools.islice(some, PARCEL)):
            parcels.append((tenant, [c.event for c in own], min(c.received_at for c in own)))
    scores.leave(tx, parcels)
    return bool(parcels)


def tell(tx: Transaction, tenants: dict[int, _runtime.Tenant], changes: Iterable[Change]) -> None:
    """Let rules that ask for it see the stored score, as the fact of that name.

    A score of an earlier firing is none of this one; one that would lower the alert is not shown
    unless the tenant says so.
    """
    asking = {
        id: each.policy for id, each in tenants.items()
        if each.policy is not None and on(each.policy) and anomalies.matters(each.policy.rules)
    }  # fmt: skip
    wanted = [each for each in changes if each.tenant in asking and each.status == "firing"]
    found = scores.of(tx, {(each.tenant, each.fingerprint) for each in wanted})
    for each in wanted:
        row = found.get((each.tenant, each.fingerprint))
        if row is None or row["value"] is None or row["starts_at"] != each.starts_at:
            continue
        if rules.SCORE not in each.extra and shown(tx, asking[each.tenant], each, row["value"]):
            each.extra = {**each.extra, rules.SCORE: str(row["value"])}


def shown(tx: Transaction, policy: Policy, change: Change, value: float) -> bool:
    """Whether the rules may know this score of an alert."""
    if policy.scoring.may_lower:
        return True
    return not anomalies.lowers(policy.rules, rules.subject(change, tx.now), value)
