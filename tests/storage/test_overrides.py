"""Overrides in the record: which are in force when, for several tenants at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import psycopg
import pytest

from tocsin.storage import overrides
from tocsin.storage.record import Record, Transaction

HOUR = timedelta(hours=1)


def make(tx: Transaction, tenant: int, person: str, begins: float, ends: float) -> object:
    terms = overrides.Terms("primary", person, tx.now + begins * HOUR, tx.now + ends * HOUR)
    return overrides.create(tx, tenant, terms, "test")


def names(tx: Transaction, tenant: int, begins: float, ends: float) -> list[str]:
    found = overrides.of(tx, [tenant], tx.now + begins * HOUR, tx.now + ends * HOUR)
    return sorted(each.person for each in found[tenant])


def test_those_of_a_time_by_tenant(record: Record, make_tenant: Callable[[], int]) -> None:
    mine, theirs, nobodys = make_tenant(), make_tenant(), make_tenant()
    with record.session([mine, theirs, nobodys]) as tx:
        make(tx, mine, "anna", 0, 2)
        make(tx, mine, "ben", 2, 4)
        made = make(tx, theirs, "cleo", 1, 3)
        assert names(tx, mine, 0, 0) == ["anna"]
        assert names(tx, mine, 2, 2) == ["ben"]
        assert names(tx, mine, 1, 3) == ["anna", "ben"]
        assert names(tx, mine, 4, 9) == []
        found = overrides.of(tx, [mine, theirs, nobodys], tx.now, tx.now + 9 * HOUR)
        assert {tenant: len(each) for tenant, each in found.items()} == {
            mine: 2, theirs: 1, nobodys: 0
        }  # fmt: skip
        [one] = found[theirs]
        assert (one.schedule, one.id) == ("primary", made)
        assert one.ends_at - one.starts_at == 2 * HOUR
    with record.session([mine]) as tx:
        assert overrides.of(tx, [mine, theirs], tx.now, tx.now + 9 * HOUR)[theirs] == []


def test_ended_and_called_off(record: Record, make_tenant: Callable[[], int]) -> None:
    tenant = make_tenant()
    with record.session([tenant]) as tx:
        running = make(tx, tenant, "anna", -1, 2)
        ahead = make(tx, tenant, "ben", 1, 3)
        over = make(tx, tenant, "cleo", -3, -2)
        assert overrides.end(tx, tenant, running)  # type: ignore[arg-type]
        assert overrides.end(tx, tenant, ahead)  # type: ignore[arg-type]
        assert not overrides.end(tx, tenant, over)  # type: ignore[arg-type]
        assert not overrides.end(tx, tenant, running)  # type: ignore[arg-type]
        # What was before the end stays true.
        [was] = overrides.of(tx, [tenant], tx.now - HOUR / 2, tx.now)[tenant]
        assert (was.person, was.ends_at) == ("anna", tx.now)
        assert names(tx, tenant, 0, 9) == []
        expired = overrides.listed(tx, tenant, state="expired", limit=9)
        assert sorted(row["person"] for row in expired) == ["anna", "ben", "cleo"]
        for state in ("active", "pending"):
            assert overrides.listed(tx, tenant, state=state, limit=9) == []


def test_states_and_pages(record: Record, make_tenant: Callable[[], int]) -> None:
    tenant = make_tenant()
    with record.session([tenant]) as tx:
        for person, begins in (("anna", -1), ("ben", 0), ("cleo", 1)):
            make(tx, tenant, person, begins, 5)
    with record.session([tenant]) as tx:

        def listed(**how: object) -> list[str]:
            found = overrides.listed(tx, tenant, **{"limit": 9, **how})  # type: ignore[arg-type]
            return sorted(row["person"] for row in found)

        assert listed(state="active") == ["anna", "ben"]
        assert listed(state="pending") == ["cleo"]
        assert listed(state="expired") == []
        assert listed(schedule="secondary") == []
        [newest] = overrides.listed(tx, tenant, limit=1)
        assert len(listed(after=newest["id"])) == 2


def test_what_was_is_not_written_anew(record: Record, make_tenant: Callable[[], int]) -> None:
    tenant = make_tenant()
    with record.session([tenant]) as tx:
        make(tx, tenant, "anna", 0, 2)
    for change in ("UPDATE schedule_override SET person = 'ben'", "DELETE FROM schedule_override"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), record.session([tenant]) as tx:
            tx.run(change)
