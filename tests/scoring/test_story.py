"""The whole way: alerts come, a model is trained, a storm is told of as unusual, rules hear of it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.actors.conftest import POLICY, Hall, Tenant, alert
from tocsin.storage import models, scores

RULED = (
    POLICY
    + """
scoring: {min_history: 50}
rules:
  - name: strange
    when: 'anomaly_score >= 0.85'
    then: {severity: critical}
"""
)
LOWERING = RULED.replace("{severity: critical}", "{drop: known}")


def past(tenant: Tenant, hours: int = 200, name: str = "Disk") -> None:
    """A quiet history: one firing every two hours, always the same and as long."""
    with psycopg.connect(tenant.hall.servers.owner_url) as owner:
        owner.execute("SELECT set_config('tocsin.tenants', %s, false)", [str(tenant.id)])
        mark = alert(name, service="db").fingerprint
        owner.execute(
            "INSERT INTO alert (tenant, fingerprint, status, severity, labels, annotations, source,"
            " generator_url, starts_at, ends_at, count, first_seen, last_seen)"
            " VALUES (%s, %s, 'resolved', 'warning', %s, '{}', 'test', '', now() - interval '2h',"
            " now() - interval '1h', 1, now(), now()) ON CONFLICT DO NOTHING",
            [tenant.id, mark, f'{{"alertname":"{name}","service":"db"}}'],
        )
        owner.execute(
            "INSERT INTO alert_event (tenant, received_at, fingerprint, kind, status, severity,"
            " posted, outcome, explained_at)"
            " SELECT %s, now() - interval '1 hour' * h, %s,"
            " CASE WHEN h %% 2 = 0 THEN 'refired' ELSE 'resolved' END,"
            " CASE WHEN h %% 2 = 0 THEN 'firing' ELSE 'resolved' END, 'warning', true, 'grouped',"
            " now() FROM generate_series(%s, 2, -1) AS h",
            [tenant.id, mark, hours],
        )


def score_all(hall: Hall) -> None:
    while hall.module("score").score.fn.__wrapped__("scoring"):
        pass


def train(tenant: Tenant) -> None:
    with tenant.hall.record.session([tenant.id]) as tx:
        models.ask(tx, tenant.id)
    hall = tenant.hall
    while hall.module("train").train.fn.__wrapped__("scoring"):
        pass


def storm(tenant: Tenant, count: int = 40) -> None:
    for number in range(count):
        tenant.send(alert("Disk", service="db", instance=f"n{number}"))


def value(tenant: Tenant, mark: str) -> dict[str, Any]:
    with tenant.hall.record.session([tenant.id]) as tx:
        return scores.of(tx, [(tenant.id, mark)])[tenant.id, mark]


def test_a_storm_is_told_of_as_unusual_and_a_usual_alert_is_not(hall: Hall) -> None:
    tenant = hall.tenant(RULED)
    past(tenant)
    train(tenant)
    one = alert("Disk", service="db")
    tenant.send(one)
    score_all(hall)
    usual = value(tenant, one.fingerprint)
    assert usual["value"] < 0.6
    assert not usual["anomaly"]
    storm(tenant)
    score_all(hall)
    last = value(tenant, alert("Disk", service="db", instance="n39").fingerprint)
    assert last["value"] >= 0.85
    assert '"rate"' in last["reasons"]
    assert last["model"] == 1
