"""People merge incidents and split them, while the workers go on."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from tests.actors.conftest import Hall, Tenant
from tests.actors.test_correlate import ALONE, INCIDENTS, POLICY, act, down, heard, up
from tocsin import errors
from tocsin.storage import incidents, regrouping

STATES = "SELECT state FROM incident ORDER BY opened_at, id"
GROUP = (
    "SELECT m.group_id FROM incident_group m JOIN alert_group g ON g.id = m.group_id"
    " WHERE m.left_at IS NULL AND g.labels LIKE %s"
)


def ids(tenant: Tenant) -> list[uuid.UUID]:
    return [row["id"] for row in tenant.rows(INCIDENTS)]


def merge(tenant: Tenant, into: uuid.UUID, *others: uuid.UUID, note: str = "") -> Any:
    def work() -> Any:
        with tenant.hall.record.session([tenant.id]) as tx:
            return regrouping.merge(tx, tenant.id, into, others, "ann", note)

    return tenant.hall.record.again(work)


def split(tenant: Tenant, incident: uuid.UUID, *services: str) -> uuid.UUID:
    groups = [tenant.one(GROUP, f'%"service":"{service}"%') for service in services]
    with tenant.hall.record.session([tenant.id]) as tx:
        made: uuid.UUID = regrouping.split(tx, tenant.id, incident, groups, "ann")["id"]
    return made


def story(tenant: Tenant, incident: uuid.UUID) -> list[tuple[str, dict[str, Any]]]:
    rows = tenant.rows("SELECT kind, detail FROM timeline WHERE incident_id = %s ORDER BY id",
                       incident)  # fmt: skip
    return [(row["kind"], orjson.loads(row["detail"])) for row in rows]


@pytest.fixture
def two(hall: Hall) -> Tenant:
    """A tenant with two open incidents of which somebody was told."""
    tenant = hall.tenant(ALONE)
    down(tenant, "a", severity="warning")
    hall.settle()
    down(tenant, "b", severity="critical")
    hall.settle()
    return tenant


def test_merged_incidents_are_one_and_both_stories_say_so(hall: Hall, two: Tenant) -> None:
    into, other = ids(two)
    assert merge(two, into, other, note="same disk")["severity"] == "critical"
    merge(two, into, other)  # twice is harmless
    row = two.rows("SELECT * FROM incident WHERE id = %s", other)[0]
    assert (row["state"], row["resolved_by"], row["merged_into"]) == ("resolved", "ann", into)
    assert story(two, into)[-1] == ("merged", {"from": [str(other)], "note": "same disk"})
    assert story(two, other)[-1] == (
        "merged_into", {"incident": str(into), "note": "same disk"},
    )  # fmt: skip
    assert set(two.column("SELECT incident_id FROM told")) == {into}
    hall.settle()
    assert heard(two) == [("firing", "first")] * 2
    up(two, "a", severity="warning")
    hall.settle()
    assert two.column(STATES) == ["open", "resolved"]
    up(two, "b", severity="critical")
    hall.settle()
    assert two.column(STATES) == ["resolved", "resolved"]
    assert None not in two.outcomes()


def test_an_acknowledgement_of_the_merged_is_one_for_all(
    hall: Hall, two: Tenant, travel: Callable[..., None]
) -> None:
    into, other = ids(two)
    merge(two, into, other)
    act(two, incidents.acknowledge, into)
    travel(hours=9)
    hall.settle()
    assert heard(two) == [("firing", "first")] * 2


def test_an_act_on_what_was_merged_is_one_on_what_goes_on(hall: Hall, two: Tenant) -> None:
    into, other = ids(two)
    down(two, "c")
    hall.settle()
    last = ids(two)[2]
    merge(two, other, last)
    merge(two, into, other)
    with pytest.raises(errors.Conflict, match=f"merged into {other}: name that"):
        merge(two, into, last)
    act(two, incidents.acknowledge, last)
    assert two.column(STATES) == ["acknowledged", "resolved", "resolved"]
    act(two, incidents.resolve, other)
    assert two.column(STATES) == ["resolved"] * 3


def test_pages_on_their_way_go_on_where_nobody_has_the_target_and_stop_where_somebody_has(
    hall: Hall,
) -> None:
    for taken, pages in ((False, 2), (True, 0)):
        tenant = hall.tenant(ALONE)
        down(tenant, "a", "b")
        hall.ring("flush")
        into, other = ids(tenant)
        if taken:
            act(tenant, incidents.acknowledge, into)
        merge(tenant, into, other)
        hall.settle()
        assert len(heard(tenant)) == pages
        assert None not in tenant.outcomes()


def test_what_cannot_be_merged_says_why(hall: Hall, two: Tenant) -> None:
    into, other = ids(two)
    with pytest.raises(errors.Conflict, match="into itself"):
        merge(two, into, into)
    with pytest.raises(errors.NotFound, match="no incident"):
        merge(two, into, uuid.uuid4())
    stranger = hall.tenant(ALONE)
    with pytest.raises(errors.NotFound, match="no incident"):
        merge(stranger, into, other)
    act(two, incidents.resolve, other)
    for pair in ((into, other), (other, into)):
        with pytest.raises(errors.Conflict, match=f"{other} is resolved"):
            merge(two, *pair)


def test_a_group_that_is_taken_out_has_an_incident_of_its_own(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", "b", "c", node="n1")
    hall.settle()
    (whole,) = ids(tenant)
    act(tenant, incidents.acknowledge, whole)
    made = split(tenant, whole, "b")
    hall.settle()
    assert tenant.column(STATES) == ["acknowledged", "open"]
    assert tenant.one("SELECT title FROM incident WHERE id = %s", made) == "Down: b"
    assert story(tenant, whole)[-1][0] == "split"
    assert story(tenant, made)[0] == ("split_from", {"incident": str(whole)})
    up(tenant, "b", node="n1")
    hall.settle()
    assert tenant.column(STATES) == ["acknowledged", "resolved"]
    up(tenant, "a", "c", node="n1")
    hall.settle()
    assert tenant.column(STATES) == ["resolved", "resolved"]
    assert None not in tenant.outcomes()


def test_taking_out_all_that_fires_ends_what_is_left(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", "b", node="n1")
    hall.settle()
    up(tenant, "a", node="n1")
    hall.settle()
    (whole,) = ids(tenant)
    split(tenant, whole, "b")
    assert tenant.column(STATES) == ["resolved", "open"]


def test_what_cannot_be_split_says_why(hall: Hall, two: Tenant) -> None:
    first, other = ids(two)
    with pytest.raises(errors.Conflict, match="not all"):
        split(two, first, "a")
    with pytest.raises(errors.NotFound, match="has no group"):
        split(two, first, "b")
    merge(two, first, other)
    up(two, "b", severity="critical")
    hall.settle()
    with pytest.raises(errors.Conflict, match="nothing fires"):
        split(two, first, "b")
    act(two, incidents.resolve, first)
    with pytest.raises(errors.Conflict, match="resolved"):
        split(two, first, "a")


def test_split_and_merged_back_it_is_one_again(hall: Hall) -> None:
    tenant = hall.tenant(POLICY)
    down(tenant, "a", "b", node="n1")
    hall.settle()
    (whole,) = ids(tenant)
    made = split(tenant, whole, "b")
    merge(tenant, whole, made)
    current = "SELECT count(*) FROM incident_group WHERE incident_id = %s AND left_at IS NULL"
    assert tenant.one(current, whole) == 2
    up(tenant, "a", "b", node="n1")
    hall.settle()
    assert tenant.column(STATES) == ["resolved", "resolved"]


def test_a_merge_of_what_flushes_at_the_same_time_loses_nothing(
    hall: Hall, two: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flush holds the group of the other incident; the merge waits, and takes what is left."""
    into, other = ids(two)
    up(two, "b", severity="critical")
    flush = hall.module("flush")
    decide = flush._decide
    held, merging = threading.Event(), threading.Event()

    def slowly(*args: Any) -> Any:
        held.set()
        assert merging.wait(10)
        return decide(*args)

    monkeypatch.setattr(flush, "_decide", slowly)
    flushing = threading.Thread(target=hall.ring, args=("flush",))
    flushing.start()
    assert held.wait(10)
    refused: list[Exception] = []

    def try_merge() -> None:
        merging.set()
        try:
            merge(two, into, other)
        except errors.Conflict as error:
            refused.append(error)

    person = threading.Thread(target=try_merge)
    person.start()
    flushing.join(20)
    person.join(20)
    # The flush was first: what had ended cannot be merged any more.
    assert len(refused) == 1
    hall.settle()
    assert two.column(STATES) == ["open", "resolved"]
    assert heard(two)[-1] == ("resolved", "resolved")


def test_a_merge_that_is_first_is_seen_by_the_flush(hall: Hall, two: Tenant) -> None:
    into, other = ids(two)
    up(two, "b", severity="critical")
    merge(two, into, other)
    hall.settle()
    assert two.column(STATES) == ["open", "resolved"]
    assert heard(two)[-1] == ("resolved", "resolved")
    assert story(two, into)[-2][0] == "part_over"
