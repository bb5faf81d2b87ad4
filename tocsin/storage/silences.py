"""Silences and maintenance windows, each with the timer that wakes the groups it kept quiet."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from tocsin import ids
from tocsin.domain import matchers as conditions
from tocsin.domain import suppression
from tocsin.storage import timers
from tocsin.storage.record import Transaction

#: The kind of the timer at which groups are woken; its subject is the id of the silence.
TIMER = "silence"
SILENCE, MAINTENANCE = "silence", "maintenance"
COLUMNS = (
    "id, kind, name, matchers, starts_at, ends_at, comment, until_resolved, overridden, version,"
    " created_by, created_at, updated_by, updated_at, ended_by"
)
SELECT = f"SELECT {COLUMNS} FROM silence WHERE tenant = %s"
STATES = {
    "active": " AND starts_at <= %s AND ends_at > %s",
    "pending": " AND starts_at > %s AND ends_at > %s",
    "expired": " AND ends_at <= least(%s, %s)",
    "all": "",
}
#: In the order of the key, as flushes lock them.
EXPIRE = f"""
UPDATE silence s SET ends_at = %(now)s, starts_at = least(s.starts_at, %(now)s), ended_by = %(by)s,
  version = s.version + 1
FROM (SELECT id FROM silence WHERE tenant = %(tenant)s AND id = ANY(%(ids)s) AND ends_at > %(now)s
      ORDER BY id FOR UPDATE) mine
WHERE s.tenant = %(tenant)s AND s.id = mine.id
RETURNING {", ".join("s." + name for name in COLUMNS.split(", "))}
"""
CHANGE = """
UPDATE silence SET matchers = %(matchers)s, starts_at = %(starts_at)s, ends_at = %(ends_at)s,
  comment = %(comment)s, until_resolved = %(until_resolved)s,
  overridden = %(overridden)s, version = version + 1, updated_at = %(now)s,
  updated_by = %(by)s
WHERE tenant = %(tenant)s AND id = %(id)s
"""
HOLDS = """
SELECT by.id, count(DISTINCT m.fingerprint) AS n FROM group_member m, unnest(m.muted_by) AS by (id)
WHERE m.tenant = %s AND m.muted_by IS NOT NULL AND m.muted_by && %s AND by.id = ANY(%s)
GROUP BY by.id
"""


@dataclass(frozen=True, slots=True)
class Terms:
    """What a silence says: what it is about, from when to when, and why."""

    #: In canonical spelling.
    matchers: Sequence[str]
    starts_at: datetime
    ends_at: datetime
    comment: str
    #: It ends sooner if all that it held back is over.
    until_resolved: bool = False
    #: An admin made it over the guard of the policy.
    overridden: bool = False


def create(
    tx: Transaction, tenant: int, *, matchers: Sequence[str], starts_at: datetime,
    ends_at: datetime, comment: str, by: str,
) -> uuid.UUID:  # fmt: skip
    """Store a plain silence and the timer of its end; returns its id."""
    return make(tx, tenant, Terms(matchers, starts_at, ends_at, comment), by)


def make(
    tx: Transaction, tenant: int, terms: Terms, by: str, window: str | None = None
) -> uuid.UUID:
    """Store a silence, or a maintenance window of this name. To ask the guard is the caller's."""
    silence = ids.new(tx.now)
    tx.run(
        "INSERT INTO silence (tenant, id, kind, name, matchers, starts_at, ends_at, comment,"
        " until_resolved, overridden, created_by, created_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [tenant, silence, SILENCE if window is None else MAINTENANCE, window,
         list(terms.matchers), terms.starts_at, terms.ends_at, terms.comment,
         terms.until_resolved, terms.overridden, by, tx.now],
    )  # fmt: skip
    _wake_at(tx, tenant, [silence], terms.ends_at)
    return silence


def get(tx: Transaction, tenant: int, silence: uuid.UUID, kind: str = SILENCE) -> DictRow | None:
    return tx.row(SELECT + " AND id = %s AND kind = %s", [tenant, silence, kind])


def lock(tx: Transaction, tenant: int, silence: uuid.UUID) -> DictRow | None:
    """One silence as it is, and as it stays until the end of this transaction."""
    return tx.row(SELECT + " AND id = %s AND kind = 'silence' FOR UPDATE", [tenant, silence])


def change(tx: Transaction, tenant: int, before: DictRow, terms: Terms, by: str) -> None:
    """Write a locked silence anew; the groups that it held back ask again what holds them now."""
    silence = before["id"]
    tx.run(CHANGE, {"tenant": tenant, "id": silence, "by": by, "now": tx.now,
                    **asdict(terms), "matchers": list(terms.matchers)})  # fmt: skip
    if list(terms.matchers) != before["matchers"] or not terms.until_resolved:
        # What it held under other matchers does not count; the flushes to come note it anew.
        tx.run("DELETE FROM silence_held WHERE tenant = %s AND silence = %s", [tenant, silence])
    _wake_at(tx, tenant, [silence], tx.now)


def listed(
    tx: Transaction, tenant: int, *, state: str = "all", after: uuid.UUID | None = None,
    limit: int, kind: str = SILENCE,
) -> list[DictRow]:  # fmt: skip
    """The silences that are in this state now (active, pending, expired, all), newest first."""
    sql = SELECT + STATES[state] + " AND kind = %s"
    params: list[Any] = [tenant, *[tx.now] * STATES[state].count("%s"), kind]
    if after:
        sql += " AND id < %s"
        params.append(after)
    return tx.rows(sql + " ORDER BY id DESC LIMIT %s", [*params, limit])


def of_both_kinds(
    tx: Transaction, tenant: int, *, over_since: datetime, limit: int
) -> list[DictRow]:
    """Silences and windows: all that are not over, and the newest of those over since then."""
    return tx.rows(
        f"({SELECT} AND ends_at > %s)"
        f" UNION ALL ({SELECT} AND ends_at <= %s AND ends_at > %s ORDER BY ends_at DESC LIMIT %s)",
        [tenant, tx.now, tenant, tx.now, over_since, limit],
    )


def in_force(tx: Transaction, tenant: int) -> list[DictRow]:
    """As `active`, for one tenant, and for who only shows it: nothing is locked."""
    return tx.rows(SELECT + STATES["active"], [tenant, tx.now, tx.now])


def named(
    tx: Transaction, tenant: int, silences: Iterable[uuid.UUID], kind: str | None = None
) -> list[DictRow]:
    """Those of these ids that there are, of either kind or of one."""
    return tx.rows(
        SELECT + " AND id = ANY(%s) AND kind = coalesce(%s, kind) ORDER BY id",
        [tenant, list(silences), kind],
    )


def found(
    tx: Transaction, tenant: int, *, author: str | None = None, matcher: str | None = None,
    comment: str | None = None, limit: int,
) -> list[uuid.UUID]:  # fmt: skip
    """The silences not over yet of this author, with this matcher, with this text in the comment.

    `matcher` in canonical spelling. Only silences: maintenance windows are ended by name.
    """
    sql = "SELECT id FROM silence WHERE tenant = %s AND kind = 'silence' AND ends_at > %s"
    params: list[Any] = [tenant, tx.now]
    for condition, value in (
        ("created_by = %s", author),
        ("%s = ANY(matchers)", matcher),
        ("position(lower(%s) IN lower(comment)) > 0", comment),
    ):
        if value is not None:
            sql += f" AND {condition}"
            params.append(value)
    rows = tx.rows(sql + " ORDER BY id LIMIT %s", [*params, limit])
    return [row["id"] for row in rows]


def expire(tx: Transaction, tenant: int, silence: uuid.UUID, by: str | None = None) -> bool:
    """End a silence now and wake what it kept quiet; False where it had ended before.

    One that had not begun ends without ever having been in force.
    """
    return bool(expire_all(tx, tenant, [silence], by))


def expire_all(
    tx: Transaction, tenant: int, silences: Sequence[uuid.UUID], by: str | None
) -> list[DictRow]:
    """The same for many at once; returns those that ended now."""
    ended = tx.rows(EXPIRE, {"tenant": tenant, "ids": list(silences), "now": tx.now, "by": by})
    _wake_at(tx, tenant, [row["id"] for row in ended], tx.now)
    return ended


def active(tx: Transaction, tenants: Iterable[int], now: datetime) -> list[dict[str, Any]]:
    """The silences and windows in force, of several tenants, for `read`.

    Shared locks: who ends a silence waits for the flushes that still obeyed it, so that the groups
    they held back are there to be woken.
    """
    return tx.rows(
        "SELECT id, tenant, kind, matchers, starts_at, ends_at, until_resolved FROM silence"
        " WHERE tenant = ANY(%s) AND starts_at <= %s AND ends_at > %s ORDER BY tenant, id"
        " FOR SHARE",
        [list(tenants), now, now],
    )


def ahead(tx: Transaction, silences: Sequence[str]) -> dict[tuple[int, str], datetime]:
    """When those of these silences end that have not ended, with shared locks as of `active`."""
    rows = tx.rows(
        "SELECT tenant, id, ends_at FROM silence WHERE id = ANY(%s::uuid[]) AND ends_at > %s"
        " ORDER BY tenant, id FOR SHARE",
        [list(silences), tx.now],
    )
    return {(row["tenant"], str(row["id"])): row["ends_at"] for row in rows}


def read(row: dict[str, Any]) -> suppression.Silence:
    """A row in the words of the decision."""
    return suppression.Silence(
        str(row["id"]),
        tuple(conditions.parse(text) for text in row["matchers"]),
        row["starts_at"],
        row["ends_at"],
        row["kind"],
        row["until_resolved"],
    )


def holds(tx: Transaction, tenant: int, silences: Iterable[uuid.UUID]) -> dict[str, int]:
    """How many alerts each of them holds back now; those that hold none are left out."""
    texts = [str(silence) for silence in silences]
    return {row["id"]: row["n"] for row in tx.rows(HOLDS, [tenant, texts, texts])}


def _wake_at(tx: Transaction, tenant: int, silences: Iterable[uuid.UUID], due_at: datetime) -> None:
    timers.exactly(
        tx, TIMER, [{"tenant": tenant, "subject": each, "due_at": due_at} for each in silences]
    )
