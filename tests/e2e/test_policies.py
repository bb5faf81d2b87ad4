"""Policies in the folder are put in force by themselves; broken ones change nothing and say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.conftest import Stack, alert, eventually
from tests.e2e.test_spine import POLICY


def folder(stack: Stack) -> Path:
    return Path(stack.supervisor.environment["TOCSIN_POLICY_DIR"])


@pytest.mark.alone
def test_a_watched_file_is_in_force_on_all_workers_within_a_second(stack: Stack) -> None:
    tenant = stack.tenant()
    hook = f"{stack.providers.url}/hook/{tenant.slug}"
    file = folder(stack) / f"{tenant.slug}.yml"
    file.write_text(POLICY.replace("{hook}", hook))
    eventually(lambda: tenant.rows("SELECT policy_version FROM tenant")[0]["policy_version"] == 1,
               within=2)  # fmt: skip
    tenant.post(alert(alertname="One"))
    eventually(tenant.hooks)
    file.write_text(POLICY.replace("{hook}", f"{hook}/second"))
    eventually(lambda: tenant.rows("SELECT policy_version FROM tenant")[0]["policy_version"] == 2,
               within=2)  # fmt: skip
    tenant.post(alert(alertname="Two"))
    eventually(lambda: tenant.hooks("/second"))


def test_a_broken_file_keeps_the_old_policy_and_says_where_it_is_broken(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    (folder(stack) / f"{tenant.slug}.yml").write_text(POLICY.replace("group_by", "groupby"))
    look = "SELECT policy_problem FROM tenant"
    problem = eventually(lambda: tenant.rows(look)[0]["policy_problem"], within=3)
    assert "line 4" in problem
    assert "group_by" in problem
    tenant.post(alert(alertname="Still"))
    eventually(tenant.hooks)


def test_alerts_follow_when_their_route_is_taken_away(stack: Stack) -> None:
    tenant = stack.tenant(ROUTED)
    tenant.post(alert(alertname="Moves", team="db", severity="critical"))
    eventually(lambda: tenant.hooks("/db"))
    tenant.apply(POLICY)
    eventually(lambda: tenant.hooks(), within=10)
    assert tenant.hooks()[0]["alerts"][0]["labels"]["team"] == "db"


def test_alerts_that_had_nobody_are_told_of_once_a_policy_names_somebody(stack: Stack) -> None:
    tenant = stack.tenant()
    tenant.post(alert(alertname="Orphan", severity="critical"))
    eventually(lambda: tenant.outcomes() == ["no_route"])
    tenant.apply(
        POLICY.replace("ops", "nobody", 1).replace("receivers:", "receivers:\n  - name: nobody")
    )
    eventually(lambda: tenant.outcomes() == ["no_route", "no_route"])
    tenant.apply(POLICY)
    eventually(tenant.hooks)


def test_a_channel_that_a_receiver_gets_hears_of_what_fires_already(stack: Stack) -> None:
    tenant = stack.tenant(POLICY)
    tenant.post(alert(alertname="Known", severity="critical"))
    eventually(tenant.hooks)
    tenant.apply(POLICY + "      - url: {hook}/also\n")
    eventually(lambda: tenant.hooks("/also"))
    assert len(tenant.hooks()) == 1


ROUTED = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  routes:
    - receiver: db
      matchers: [team=db]
receivers:
  - name: ops
    webhook:
      - url: {hook}
  - name: db
    webhook:
      - url: {hook}/db
"""
