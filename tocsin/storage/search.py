"""What the API reads about alerts. The search over labels begins with their tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.rows import DictRow

from tocsin.domain import tags
from tocsin.storage.record import Transaction

COLUMNS = (
    "a.fingerprint, a.status, a.severity, a.labels, a.added, a.ruled, a.annotations, a.extra,"
    " a.source, a.generator_url, a.starts_at, a.ends_at, a.expires_at, a.count, a.first_seen,"
    " a.last_seen"
)
ORDER = " ORDER BY a.starts_at DESC, a.fingerprint DESC"
#: Rows that are fetched at a time while the caller still filters.
FETCH = 500
#: So many of the newest alerts are looked at one by one before a label is searched by its tag.
NEWEST = 5000
#: Start and fingerprint: where in the list an alert stands.
Place = tuple[datetime, str]


def alerts(
    tx: Transaction, tenant: int, *, equal: Sequence[tuple[str, str]] = (),
    statuses: Sequence[str] = (), severities: Sequence[str] = (), after: Place | None = None,
) -> Iterator[DictRow]:  # fmt: skip
    """The alerts that have these labels, newest start first, read on as the caller asks.

    Had, where rules or enrichment changed them since: ask each for its labels as they are.
    `after` is start and fingerprint of the last row of the page before. Without a NUL, please.
    """
    kinds = {"status": list(statuses), "severity": list(severities)}
    if not equal:
        yield from _read(tx, *_newest_first(tenant, kinds, after))
        return
    tagged = tags.of(tenant, equal)
    # A label that many have is soon found among the newest, one that few have by its tag; either
    # way alone may have to read millions.
    sql, params = _newest_first(tenant, kinds, after)
    among = f"SELECT * FROM ({sql} LIMIT {NEWEST}) AS a WHERE a.tags @> %s{ORDER}"
    yield from _read(tx, among, [*params, tagged])
    last = tx.row(
        f"SELECT starts_at, fingerprint FROM ({sql} OFFSET {NEWEST - 1} LIMIT 1) AS a", params
    )
    if last is not None:
        behind = last["starts_at"], last["fingerprint"]
        yield from _read(tx, *_newest_first(tenant, kinds, behind, tagged))


def _newest_first(
    tenant: int, kinds: Mapping[str, list[str]], after: Place | None,
    tagged: list[int] | None = None,
) -> tuple[str, list[Any]]:  # fmt: skip
    sql, chosen = f"SELECT {COLUMNS}, a.tags FROM alert a WHERE a.tenant = %s", list[Any]([tenant])
    if tagged is not None:
        sql += " AND a.fingerprint IN (SELECT labelled(%s, %s))"
        chosen += [tenant, tagged]
    for column, wanted in kinds.items():
        if wanted:
            sql += f" AND a.{column} = ANY(%s)"
            chosen.append(wanted)
    if after:
        sql += " AND (a.starts_at, a.fingerprint) < (%s, %s)"
        chosen += after
    return sql + ORDER, chosen


def _read(tx: Transaction, sql: str, params: list[Any]) -> Iterator[DictRow]:
    with tx.conn.cursor(name="alerts") as cursor:
        cursor.itersize = FETCH
        cursor.execute(sql, params)
        yield from cursor


def alert(tx: Transaction, tenant: int, fingerprint: str) -> DictRow | None:
    return tx.row(
        f"SELECT {COLUMNS} FROM alert a WHERE a.tenant = %s AND a.fingerprint = %s",
        [tenant, fingerprint],
    )


def events(tx: Transaction, tenant: int, fingerprint: str, limit: int = 100) -> list[DictRow]:
    """The newest changes of an alert with their explanations."""
    return tx.rows(
        "SELECT id, received_at, kind, status, severity, posted, policy_version, outcome, cause,"
        " explained_at FROM alert_event WHERE tenant = %s AND fingerprint = %s"
        " ORDER BY id DESC LIMIT %s",
        [tenant, fingerprint, limit],
    )


def groups(tx: Transaction, tenant: int, fingerprint: str) -> list[DictRow]:
    """The groups that an alert is in."""
    return tx.rows(
        "SELECT g.id, g.route, g.receiver, g.labels, m.muted_by FROM group_member m"
        " JOIN alert_group g ON g.tenant = m.tenant AND g.id = m.group_id"
        " WHERE m.tenant = %s AND m.fingerprint = %s ORDER BY g.route, g.id",
        [tenant, fingerprint],
    )


def incidents_of(tx: Transaction, tenant: int, fingerprint: str, limit: int = 20) -> list[DictRow]:
    """The newest incidents that the groups of an alert are in or were in."""
    return tx.rows(
        "SELECT i.id, i.title, i.state, i.opened_at FROM incident i"
        " WHERE i.tenant = %s AND i.id IN (SELECT j.incident_id FROM group_member m"
        "  JOIN incident_group j ON j.tenant = m.tenant AND j.group_id = m.group_id"
        "  WHERE m.tenant = %s AND m.fingerprint = %s) ORDER BY i.id DESC LIMIT %s",
        [tenant, tenant, fingerprint, limit],
    )
