"""What the record knows that a policy is doubted by: stand-ins, and addresses that proved alive."""

from __future__ import annotations

from tocsin.domain import doubts
from tocsin.domain.policy import Policy
from tocsin.storage import contacts, overrides
from tocsin.storage.record import Transaction


def of(tx: Transaction, tenant: int, policy: Policy) -> list[doubts.Doubt]:
    """The doubts about a policy that is, or is to be, the tenant's."""
    standing_in = overrides.of(tx, [tenant], tx.now, tx.now + doubts.AHEAD)[tenant]
    return list(doubts.of(policy, tx.now, standing_in, contacts.known(tx, tenant)))
