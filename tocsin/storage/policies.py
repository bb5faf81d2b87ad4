"""The versions of each tenant's policy document, and which one is in force."""

from __future__ import annotations

import hashlib

from psycopg.rows import DictRow

from tocsin.config import mapping
from tocsin.storage import timers
from tocsin.storage.record import Transaction

SELECT = "SELECT version, document, author, created_at FROM config_version WHERE tenant = %s"


def apply(tx: Transaction, tenant: int, document: str, author: str) -> int:
    """Put a document, already checked, in force; returns its version.

    The document that is in force already keeps its version. Either way the tenant has no policy
    problem any more. The caller writes the audit.
    """
    lock(tx, tenant)
    running = current(tx, tenant)
    if running is not None and running["document"] == document:
        set_problem(tx, tenant, None)
        return int(running["version"])
    newest = tx.row(
        "INSERT INTO config_version (tenant, version, document, author, created_at, senders)"
        " SELECT %s, coalesce(max(version), 0) + 1, %s, %s, %s, %s FROM config_version"
        " WHERE tenant = %s RETURNING version",
        [tenant, document, author, tx.now, mapping.stored(document), tenant],
    )
    assert newest is not None
    tx.run(
        "UPDATE tenant SET policy_version = %s, policy_problem = NULL WHERE id = %s",
        [newest["version"], tenant],
    )
    for kind in ("reroute", "level", "report", "heartbeat"):
        timers.exactly(tx, kind, [{"tenant": tenant, "subject": "policy", "due_at": tx.now}])
    return int(newest["version"])


def lock(tx: Transaction, tenant: int) -> int:
    """The version in force (0: none), which nobody else changes until this transaction ends.

    The tenant's row is the mutex: two that apply at once get two versions, one after the other.
    """
    row = tx.row("SELECT policy_version FROM tenant WHERE id = %s FOR UPDATE", [tenant])
    assert row is not None
    return row["policy_version"] or 0


def current(tx: Transaction, tenant: int) -> DictRow | None:
    """The version in force: version, document, author, created_at."""
    return tx.row(
        SELECT + " AND version = (SELECT policy_version FROM tenant WHERE id = %s)",
        [tenant, tenant],
    )


def version(tx: Transaction, tenant: int, number: int) -> DictRow | None:
    return tx.row(SELECT + " AND version = %s", [tenant, number])


def history(tx: Transaction, tenant: int, limit: int = 100) -> list[DictRow]:
    """The newest versions without their documents, and whether each is in force."""
    return tx.rows(
        "SELECT c.version, c.author, c.created_at, c.version = t.policy_version AS in_force"
        " FROM config_version c JOIN tenant t ON t.id = c.tenant"
        " WHERE c.tenant = %s ORDER BY c.version DESC LIMIT %s",
        [tenant, limit],
    )


def every(tx: Transaction, tenant: int) -> list[DictRow]:
    """All versions with their documents, oldest first."""
    return tx.rows(SELECT + " ORDER BY version", [tenant])


def set_problem(tx: Transaction, tenant: int, text: str | None) -> None:
    """Note why the newest document was refused; None: all is well."""
    tx.run(
        "UPDATE tenant SET policy_problem = %s"
        " WHERE id = %s AND policy_problem IS DISTINCT FROM %s",
        [text, tenant, text],
    )


def problem(tx: Transaction, tenant: int) -> str | None:
    row = tx.row("SELECT policy_problem FROM tenant WHERE id = %s", [tenant])
    return row["policy_problem"] if row else None


def newest_of(tx: Transaction, tenant: int, author: str) -> DictRow | None:
    """The newest version that came from this author, in force or not."""
    return tx.row(SELECT + " AND author = %s ORDER BY version DESC LIMIT 1", [tenant, author])


def taken_file(tx: Transaction, tenant: int) -> str | None:
    """The hash of the policy file that was taken last."""
    row = tx.row("SELECT policy_file FROM tenant WHERE id = %s", [tenant])
    return row["policy_file"] if row else None


def take_file(tx: Transaction, tenant: int, digest: str) -> None:
    """Note which policy file was taken; what is applied by hand stays until its hash changes."""
    tx.run("UPDATE tenant SET policy_file = %s WHERE id = %s", [digest, tenant])


def knows_file(tx: Transaction, tenant: int, author: str, text: str) -> bool:
    """Whether this file was taken before: an older version that was put in force meanwhile stays.

    A tenant of an older installation has no hash yet; its newest version from the file tells.
    """
    taken = taken_file(tx, tenant)
    if taken is not None:
        return taken == _digest(text)
    newest = newest_of(tx, tenant, author)
    if newest is None or newest["document"] != text:
        return False
    take_file(tx, tenant, _digest(text))
    return True


def apply_file(tx: Transaction, tenant: int, text: str, author: str) -> int:
    """Put a file, already checked, in force; returns its version. The caller writes the audit."""
    version = apply(tx, tenant, text, author)
    take_file(tx, tenant, _digest(text))
    return version


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def senders(tx: Transaction, tenant: int) -> str | None:
    """What the policy in force says of senders, as `tocsin.config.mapping` stores it."""
    row = tx.row(SENDERS, [0, tenant])
    return row["senders"] if row else None


#: For whoever holds a connection: the version in force, and what it says of senders if it is not
#: the version that is known already.
SENDERS = """
SELECT t.policy_version AS version,
    CASE WHEN t.policy_version IS DISTINCT FROM %s THEN c.senders END AS senders
FROM tenant t LEFT JOIN config_version c ON c.tenant = t.id AND c.version = t.policy_version
WHERE t.id = %s
"""
