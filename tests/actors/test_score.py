"""The whole way: alerts come, a model is trained, a storm is unusual, rules and readers hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg

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


def word(tenant: Tenant, mark: str, verdict: str) -> None:
    with tenant.hall.record.session([tenant.id]) as tx:
        event = scores.newest_firing(tx, tenant.id, mark)
        scores.say(tx, {"tenant": tenant.id, "fingerprint": mark, "event": event,
                        "verdict": verdict, "note": None, "author": "anna"})  # fmt: skip


def trained(hall: Hall, policy: str = RULED) -> Tenant:
    tenant = hall.tenant(policy)
    past(tenant)
    train(tenant)
    return tenant


LAST = alert("Disk", service="db", instance="n39").fingerprint


def test_a_storm_is_told_of_as_unusual_and_a_usual_alert_is_not(hall: Hall) -> None:
    tenant = trained(hall)
    one = alert("Disk", service="db")
    tenant.send(one)
    score_all(hall)
    usual = value(tenant, one.fingerprint)
    assert usual["value"] < 0.6
    assert not usual["anomaly"]
    storm(tenant)
    score_all(hall)
    last = value(tenant, LAST)
    assert last["value"] >= 0.85
    assert '"rate"' in last["reasons"]
    assert last["model"] == 1
    kinds = tenant.column("SELECT labels FROM tally WHERE name = 'alerts_scored_total'")
    assert set(kinds) == {"usual", "anomaly"}


def test_a_late_score_raises_and_the_message_says_why(hall: Hall) -> None:
    tenant = trained(hall)
    storm(tenant)
    hall.settle()
    # Nobody scored yet: everything was told as it came.
    assert {body["incident"]["severity"] for body in tenant.told()} == {"none"}
    assert set(tenant.outcomes()[-40:]) == {"notified"}
    before = len(tenant.told())
    score_all(hall)
    hall.settle()
    assert tenant.one("SELECT severity FROM alert WHERE fingerprint = %s", LAST) == "critical"
    storm(tenant, 42)
    hall.settle()
    last = tenant.told()[-1]
    assert len(tenant.told()) > before
    assert last["incident"]["severity"] == "critical"
    assert any(note.startswith("Unusual: ") for note in last["incident"]["notes"])


def test_a_score_never_lowers_unless_the_tenant_says_so(hall: Hall) -> None:
    for may, outcome in (("false", "notified"), ("true", "dropped")):
        policy = LOWERING.replace("{min_history: 50}", f"{{min_history: 50, may_lower: {may}}}")
        tenant = trained(hall, policy)
        storm(tenant)
        score_all(hall)
        hall.settle()
        tenant.send(alert("Disk", "resolved", service="db", instance="n39"))
        hall.settle()
        last = "SELECT outcome FROM alert_event WHERE fingerprint = %s AND kind = 'judged'"
        assert tenant.column(last, LAST) == ([] if may == "false" else [outcome])


def test_without_the_scoring_process_pages_go_out_as_before(hall: Hall) -> None:
    tenant = trained(hall)
    tenant.send(alert("Disk", service="db", severity="critical"))
    hall.settle()
    assert tenant.outcomes()[-1] == "notified"
    assert [body["incident"]["severity"] for body in tenant.told()] == ["critical"]


def test_when_pyod_is_broken_pages_go_out_and_the_score_is_unknown(hall: Hall) -> None:
    tenant = trained(hall)
    with tenant.hall.record.session([tenant.id]) as tx:
        tx.run("UPDATE model SET blob = %s WHERE tenant = %s", [b"changed", tenant.id])
    hall.module("score")._loaded.clear()
    tenant.send(alert("Disk", service="db"))
    score_all(hall)
    hall.settle()
    assert tenant.outcomes()[-1] == "notified"
    row = value(tenant, alert("Disk", service="db").fingerprint)
    assert (row["value"], row["cause"]) == (None, "model")
    with tenant.hall.record.session([tenant.id]) as tx:
        state = models.state(tx, tenant.id)
    assert state is not None
    assert "was changed since it was stored" in state["problem"]


def test_what_cannot_be_scored_is_given_up_and_stops_nobody(hall: Hall) -> None:
    tenant = trained(hall)
    with psycopg.connect(hall.servers.owner_url) as owner:
        owner.execute("UPDATE scoring SET crowd = 'no json' WHERE tenant = %s", [tenant.id])
    tenant.send(alert("Disk", service="db"))
    score_all(hall)
    assert tenant.one("SELECT count(*) FROM score_waiting") == 0
    counted = "SELECT labels FROM tally WHERE name = 'alerts_unscored_total'"
    assert tenant.column(counted) == ["failed"]


def test_too_little_history_is_said(hall: Hall) -> None:
    tenant = hall.tenant(RULED)
    tenant.send(alert("Disk", service="db"))
    score_all(hall)
    train(tenant)
    row = value(tenant, alert("Disk", service="db").fingerprint)
    assert (row["value"], row["cause"]) == (None, "history")
    assert tenant.one("SELECT problem FROM scoring") == (
        "There are 0 rows of history to learn from; 50 are needed."
    )


def test_a_score_that_comes_much_too_late_stays_unknown(
    hall: Hall, travel: Callable[..., None]
) -> None:
    tenant = trained(hall)
    tenant.send(alert("Disk", service="db"))
    travel(minutes=11)
    score_all(hall)
    assert value(tenant, alert("Disk", service="db").fingerprint)["cause"] == "late"


def test_noise_is_usual_after_the_next_training_and_not_noise_stays_unusual(hall: Hall) -> None:
    found = {}
    for verdict in ("noise", "not_noise", ""):
        tenant = trained(hall)
        storm(tenant)
        score_all(hall)
        before = value(tenant, LAST)["value"]
        if verdict:
            word(tenant, LAST, verdict)
        train(tenant)
        tenant.send(alert("Disk", "resolved", service="db", instance="n39"))
        tenant.send(alert("Disk", service="db", instance="n39"))
        score_all(hall)
        found[verdict] = value(tenant, LAST)["value"]
        assert before >= 0.85
    assert found["noise"] < 0.85 <= found["not_noise"]
    assert found["noise"] < found[""] <= found["not_noise"]


def test_ten_versions_are_kept_and_an_older_one_can_score_again(hall: Hall) -> None:
    tenant = trained(hall)
    for _ in range(11):
        train(tenant)
    with hall.record.session([tenant.id]) as tx:
        kept = models.listed(tx, tenant.id)
        assert [row["version"] for row in kept] == list(range(12, 2, -1))
        assert [row["version"] for row in kept if row["active"]] == [12]
        models.use(tx, tenant.id, 5)
    tenant.send(alert("Disk", service="db"))
    score_all(hall)
    assert value(tenant, alert("Disk", service="db").fingerprint)["model"] == 5


def test_a_tenant_that_wants_no_scores_leaves_nothing_to_score(hall: Hall) -> None:
    tenant = hall.tenant(POLICY + "\nscoring: {enabled: false}\n")
    tenant.send(alert("Disk", service="db"))
    assert tenant.one("SELECT count(*) FROM score_waiting") == 0


def test_a_model_of_another_tenant_is_not_loaded(hall: Hall) -> None:
    one, other = trained(hall), trained(hall)
    with psycopg.connect(hall.servers.owner_url) as owner:
        owner.execute(
            "UPDATE model m SET blob = o.blob, mac = o.mac FROM model o"
            " WHERE m.tenant = %s AND o.tenant = %s",
            [one.id, other.id],
        )
    hall.module("score")._loaded.clear()
    one.send(alert("Disk", service="db"))
    score_all(hall)
    assert value(one, alert("Disk", service="db").fingerprint)["cause"] == "model"
