"""Whose groups are flushed first, and who waits for nobody."""

from __future__ import annotations

from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tocsin.storage import groups

PARTS = POLICY.replace("group_by: [alertname]", "group_by: [alertname, part]")


def storm(tenant: Tenant, parts: int, members: int) -> None:
    """So many groups with so many members each, all due."""
    tenant.send(*(
        alert("Flood", part=str(part), n=str(n)) for part in range(parts) for n in range(members)
    ))  # fmt: skip


def claimed(hall: Hall, *, members: int = 5000, heavy: bool = False) -> list[tuple[int, int]]:
    """The tenants and sizes of the groups that a claim takes; they are given back."""
    try:
        with hall.record.claims() as tx:
            rows = groups.claim_due(tx, 20, members, heavy)
            raise InterruptedError
    except InterruptedError:
        return [(row["tenant"], row["members"]) for row in rows]


def test_groups_of_who_brings_little_are_flushed_first_and_apart(hall: Hall) -> None:
    loud, quiet = hall.tenant(PARTS), hall.tenant(PARTS)
    storm(loud, 4, groups.LIGHT)
    quiet.send(alert("Page"))
    assert claimed(hall) == [(quiet.id, 1)]
    assert claimed(hall, heavy=True) == [(loud.id, groups.LIGHT)] * 4


def test_a_piece_of_a_storm_has_so_many_members_and_at_least_one_group(hall: Hall) -> None:
    loud = hall.tenant(PARTS)
    storm(loud, 4, 60)
    assert claimed(hall, members=100) == [(loud.id, 60)] * 2
    assert claimed(hall, members=1) == [(loud.id, 1)]


def test_what_is_critical_comes_before_the_rest_of_a_storm(hall: Hall) -> None:
    tenant = hall.tenant(PARTS)
    storm(tenant, 30, 20)
    tenant.send(alert("Fire", part="x", severity="critical"))
    assert claimed(hall)[:2] == [(tenant.id, 1), (tenant.id, 20)]
    hall.ring("flush")
    assert tenant.column("SELECT urgent FROM timer WHERE kind = 'flush' AND urgent") == []


def test_what_becomes_critical_is_urgent_although_it_was_due_sooner(hall: Hall) -> None:
    tenant = hall.tenant(PARTS)
    storm(tenant, 30, 20)
    tenant.send(alert("Flood", part="29", n="x", severity="critical"))
    assert claimed(hall)[0] == (tenant.id, 21)


def test_what_another_flush_holds_keeps_nobody_from_the_rest(hall: Hall) -> None:
    loud, quiet = hall.tenant(PARTS), hall.tenant(PARTS)
    storm(loud, 2, groups.LIGHT)
    quiet.send(alert("Page"))
    with hall.record.claims() as tx:
        assert {row["tenant"] for row in groups.claim_due(tx, 20)} == {quiet.id}
        assert {tenant for tenant, _ in claimed(hall)} == {loud.id}


def test_a_look_at_clocks_holds_no_incident_of_which_nothing_is_promised(hall: Hall) -> None:
    tenant = hall.tenant()
    hall.ring("breach")  # the policy is new
    tenant.send(alert("Disk"))
    hall.ring("flush")
    assert tenant.one("SELECT count(*) FROM timer WHERE kind = 'level'") == 1
    with hall.record.session([tenant.id]) as tx:
        tx.rows("SELECT id FROM incident FOR UPDATE")
        hall.ring("breach")
    assert tenant.one("SELECT count(*) FROM timer WHERE kind = 'level'") == 0
