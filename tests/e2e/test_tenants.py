"""Tenants are strictly apart, and a flood of one does not hold up the page of another."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.e2e.conftest import Stack, Tenant, alert, eventually
from tests.e2e.test_spine import POLICY

#: Tables whose rows belong to a tenant, and the column that says to which.
OWNED = "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid" \
    " WHERE c.relnamespace = 'public'::regnamespace AND a.attname = 'tenant'" \
    " AND c.relkind IN ('r', 'p') AND NOT c.relispartition"  # fmt: skip


def test_equal_fingerprints_of_two_tenants_never_meet(stack: Stack) -> None:
    one, other = stack.tenant(POLICY), stack.tenant(POLICY)
    for tenant in (one, other):
        tenant.post(alert(alertname="Same", severity="critical"))
    eventually(lambda: len(one.hooks()) == len(other.hooks()) == 1)
    one.resolve(alertname="Same", severity="critical")
    eventually(lambda: len(one.hooks()) == 2)
    other.quiet()
    assert len(other.hooks()) == 1
    assert other.get("/incidents")["items"][0]["state"] == "open"
    assert (
        one.get("/alerts")["items"][0]["fingerprint"]
        == (other.get("/alerts")["items"][0]["fingerprint"])
    )


def test_without_the_applications_filter_the_database_still_shows_nothing(stack: Stack) -> None:
    tenant, stranger = stack.tenant(POLICY), stack.tenant(POLICY)
    tenant.post(alert(alertname="Mine", severity="critical"))
    tenant.resolve(alertname="Mine", severity="critical")
    tenant.quiet()
    with stack.record.session([stranger.id]) as tx:
        tables = [row["relname"] for row in tx.rows(OWNED)]
        assert len(tables) > 20
        seen = {
            table: tx.rows(f"SELECT count(*) AS n FROM {table} WHERE tenant = %s", [tenant.id])
            for table in tables
        }
    assert {table: rows[0]["n"] for table, rows in seen.items() if rows[0]["n"]} == {}
    with stack.record.session([]) as tx:
        assert all(tx.rows(f"SELECT count(*) AS n FROM {t}")[0]["n"] == 0 for t in tables)


def test_the_login_of_the_processes_can_do_nothing_without_a_tenant(stack: Stack) -> None:
    with psycopg.connect(stack.supervisor.environment["DATABASE_URL"]) as conn:
        try:
            conn.execute("SELECT 1 FROM alert")
        except psycopg.errors.InsufficientPrivilege:
            return
    raise AssertionError("the login reads alerts without saying for whom")


def test_a_token_of_one_tenant_opens_nothing_of_another(stack: Stack) -> None:
    one, other = stack.tenant(POLICY), stack.tenant(POLICY)
    one.post(alert(alertname="Private"))
    eventually(one.hooks)
    incident = one.get("/incidents")["items"][0]["id"]
    assert other.call("GET", f"/api/v1/incidents/{incident}").status_code == 404
    assert other.call("POST", f"/api/v1/incidents/{incident}/ack").status_code == 404
    assert other.call("GET", f"/t/{one.slug}/api/v1/incidents").status_code == 403
    assert other.call("POST", f"/t/{one.slug}/api/v2/alerts", json=[]).status_code == 403


@pytest.mark.alone
def test_a_flood_of_one_tenant_does_not_hold_up_the_page_of_another(
    launch_stack: Callable[..., Any],
) -> None:
    # An installation of its own: the shared one goes on with what other stories left to it.
    with launch_stack(scale="pipeline=2,page=2,notify=2,lookup=0") as stack:
        flood_and_page(stack.tenant(POLICY), stack.tenant(POLICY))


def flood_and_page(loud: Tenant, quiet: Tenant) -> None:

    def flood() -> None:
        for batch in range(40):
            loud.post(
                *(
                    alert(alertname=f"Flood{n % 50}", n=f"{batch}-{n}", severity="critical")
                    for n in range(500)
                )
            )

    storm = threading.Thread(target=flood)
    storm.start()
    eventually(lambda: loud.rows("SELECT 1 AS one FROM alert LIMIT 1"))
    began = time.monotonic()
    quiet.post(alert(alertname="Page", severity="critical"))
    eventually(quiet.hooks, within=10)
    waited = time.monotonic() - began
    storm.join()
    eventually(lambda: not loud.pending(), within=120)
    # Behind the flood it would come at its end; seconds would say more about the machine.
    assert waited < (time.monotonic() - began) / 4
    assert loud.rows("SELECT count(*) AS n FROM alert") == [{"n": 20_000}]
