"""Policy files are put in force when they change; broken ones are refused and said so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tocsin.security import audit
from tocsin.storage import policies, tenants

STATE = "SELECT policy_version, policy_problem FROM tenant"
GOOD = POLICY.replace("{hook}", "https://hook.example/a")


@pytest.fixture
def tenant(hall: Hall) -> Iterator[Tenant]:
    made = hall.tenant(None)
    yield made
    file(made).unlink(missing_ok=True)


def file(tenant: Tenant) -> Path:
    return tenant.hall.policy_dir / f"{tenant.slug}.yml"


def reload(tenant: Tenant, text: str) -> tuple[int | None, str | None]:
    """Write the file and ring; the version in force and the problem."""
    file(tenant).write_text(text)
    tenant.hall.ring("reload", queue="background")
    (row,) = tenant.rows(STATE)
    return row["policy_version"], row["policy_problem"]


def test_a_good_file_is_in_force_and_audited(tenant: Tenant) -> None:
    assert reload(tenant, GOOD) == (1, None)
    assert tenant.column("SELECT author FROM config_version") == [f"file:{tenant.slug}.yml"]
    assert tenant.column("SELECT act FROM audit") == ["config.apply"]
    with tenant.hall.record.session([tenant.id]) as tx:
        assert audit.verify(tx, tenant.id) is None


def test_a_file_that_did_not_change_makes_no_version(tenant: Tenant) -> None:
    reload(tenant, GOOD)
    assert reload(tenant, GOOD) == (1, None)
    tenant.hall.module("reload")._seen.clear()  # as after a restart
    assert reload(tenant, GOOD) == (1, None)
    assert reload(tenant, GOOD + "# more\n") == (2, None)


def test_a_broken_file_keeps_the_old_version_and_its_repair_takes_the_problem_away(
    tenant: Tenant,
) -> None:
    reload(tenant, GOOD)
    version, problem = reload(tenant, GOOD.replace("group_by", "groupby"))
    assert version == 1
    assert problem is not None
    assert "line 5" in problem
    assert reload(tenant, GOOD) == (1, None)


def test_a_version_applied_by_hand_stays_until_the_file_changes(tenant: Tenant) -> None:
    reload(tenant, GOOD)
    tenant.apply(GOOD + "# by hand\n")
    assert reload(tenant, GOOD)[0] == 2
    assert reload(tenant, GOOD + "# changed\n")[0] == 3


def test_a_rollback_stays_until_the_hash_of_the_file_changes(tenant: Tenant) -> None:
    first, second = GOOD, GOOD + "# second\n"
    reload(tenant, first)
    reload(tenant, second)
    with tenant.hall.record.session([tenant.id]) as tx:
        old = policies.version(tx, tenant.id, 1)
        assert old is not None
        assert policies.apply(tx, tenant.id, old["document"], "ann") == 3
    for _ in range(2):
        assert reload(tenant, second) == (3, None)
        tenant.hall.module("reload")._seen.clear()  # as after a restart
    assert reload(tenant, first) == (3, None), "it says what is in force already"
    assert reload(tenant, second) == (4, None), "and now it has changed"


def test_a_tenant_of_an_older_installation_keeps_what_was_applied_by_hand(tenant: Tenant) -> None:
    reload(tenant, GOOD)
    tenant.apply(GOOD + "# by hand\n")
    with tenant.hall.record.session([tenant.id]) as tx:
        tx.run("UPDATE tenant SET policy_file = NULL WHERE id = %s", [tenant.id])
    tenant.hall.module("reload")._seen.clear()
    assert reload(tenant, GOOD) == (2, None)
    assert tenant.one("SELECT policy_file IS NOT NULL FROM tenant")


def test_a_file_that_is_no_text_changes_nothing(tenant: Tenant) -> None:
    reload(tenant, GOOD)
    file(tenant).write_bytes(b"\xff\xfe")
    tenant.hall.ring("reload", queue="background")
    assert tenant.rows(STATE) == [{"policy_version": 1, "policy_problem": None}]


def test_a_file_that_came_before_its_tenant_is_applied_once_there_is_one(hall: Hall) -> None:
    early = hall.policy_dir / "later.yml"
    early.write_text(GOOD)
    try:
        hall.ring("reload", queue="background")
        with hall.record.admin() as tx:
            made = Tenant(hall, tenants.create(tx, "later"), "later")
        hall.ring("reload", queue="background")
        assert made.one("SELECT policy_version FROM tenant") == 1
    finally:
        early.unlink()


def test_a_stored_document_that_this_program_cannot_read_gives_way_to_the_one_before(
    hall: Hall,
) -> None:
    tenant = hall.tenant(POLICY)
    with hall.record.session([tenant.id]) as tx:
        policies.apply(tx, tenant.id, "route: {receiver: ops}\nof_the_future: 1\n", "newer")
    tenant.send(alert("Disk"))
    hall.settle()
    names = [told["groupLabels"]["alertname"] for told in tenant.told()]
    assert sorted(names) == ["Disk", "TocsinPolicyUnreadable"]
    assert tenant.column("SELECT attempts FROM inbox") == []
