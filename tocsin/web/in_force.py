"""The policy that is in force, for requests that have to keep to it."""

from __future__ import annotations

import functools

import channels
from tocsin import errors
from tocsin.config import documents
from tocsin.domain.policy import Policy
from tocsin.i18n import trial
from tocsin.storage import policies
from tocsin.storage.record import Transaction


def policy(tx: Transaction, tenant: int) -> Policy | None:
    """What the tenant's policy says now; None where there is none.

    As in the workers: the newest version that this program can read, because while an
    installation is updated a newer one may have been applied beside it.
    """
    row = policies.current(tx, tenant)
    while row is not None:
        try:
            return parsed(row["document"])
        except errors.PolicyError:
            row = policies.version(tx, tenant, row["version"] - 1)
    return None


@functools.lru_cache(maxsize=64)
def parsed(document: str) -> Policy:
    """A document as the rest of Tocsin thinks with it. Raises PolicyError."""
    return documents.parse(document, channels.settings_models())


def tried(document: str) -> Policy:
    """The same for one that is to come into force: its templates are rendered too."""
    policy = parsed(document)
    trial.check(policy, channels.parts())
    return policy
