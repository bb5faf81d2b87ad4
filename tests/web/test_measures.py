"""/metrics: exact names, exact sums, and nobody else's figures."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.web import seeds
from tests.web.conftest import OPERATOR, Someone, Web
from tocsin import metrics
from tocsin.domain import circuit
from tocsin.storage import circuits, policies, progress
from tocsin.storage.record import Record
from tocsin.storage.tallies import Tallies

Sample = tuple[str, tuple[tuple[str, str], ...]]


def samples(text: str) -> dict[Sample, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def scraped(web: Web, token: str) -> dict[Sample, float]:
    found = web.client.get("/metrics", headers={"Authorization": f"Bearer {token}"})
    assert found.status_code == 200, found.text
    assert found.headers["Content-Type"] == metrics.CONTENT_TYPE
    return samples(found.text)


@pytest.fixture
def counted(record: Record, someone: Someone) -> None:
    tallies = Tallies()
    for _ in range(2):  # several rows of one counter
        tenant = someone.tenant
        tallies.add(tenant, "alerts_accepted_total", "prometheus", value=5)
        tallies.add(tenant, "alerts_quarantined_total", "ingest")
        tallies.add(tenant, "alerts_processed_total", "critical", "new", value=2)
        tallies.add(tenant, "correlations_processed_total", "opened")
        tallies.add(tenant, "suppressions_processed_total", "silenced")
        tallies.add(tenant, "notifications_total", "slack", value=3)
        tallies.add(tenant, "notifications_failed_total", "slack", "rateLimited")
        tallies.took(tenant, "critical", timedelta(milliseconds=7), 2)
        tallies.took(tenant, "critical", timedelta(seconds=2))
        tallies.took(tenant, "critical", timedelta(seconds=99))
        with record.session([tenant]) as tx:
            tallies.write(tx)
        with record.claims() as tx:
            tx.run("SELECT fold_tallies()")
    with record.session([someone.tenant]) as tx:  # and some that are not folded yet
        tallies.add(someone.tenant, "alerts_accepted_total", "prometheus", value=0.5)
        tallies.write(tx)


@pytest.mark.usefixtures("counted")
@pytest.mark.parametrize("token", ["operator", "read", "admin"])
def test_the_figures_are_exact(web: Web, someone: Someone, token: str) -> None:
    found = scraped(web, OPERATOR if token == "operator" else someone.tokens[token])
    mine = ("tenant_id", someone.slug)
    slack = ("integration", "slack")

    def value(name: str, *labels: tuple[str, str]) -> float:
        return found[name, tuple(sorted([mine, *labels]))]

    assert value("tocsin_alerts_accepted_total", ("source", "prometheus")) == 10.5
    assert value("tocsin_alerts_quarantined_total", ("stage", "ingest")) == 2
    critical = ("severity", "critical")
    assert value("alerts_processed_total", critical, ("status", "new")) == 4
    assert value("correlations_processed_total", ("type", "opened")) == 2
    assert value("suppressions_processed_total", ("action", "silenced")) == 2
    assert value("tocsin_notifications_total", slack) == 6
    assert value("tocsin_notifications_failed_total", slack, ("reason", "rateLimited")) == 2
    name = "alert_processing_duration_seconds"
    assert value(f"{name}_bucket", critical, ("le", "0.01")) == 4
    assert value(f"{name}_bucket", critical, ("le", "2.5")) == 6
    assert value(f"{name}_bucket", critical, ("le", "+Inf")) == 8
    assert value(f"{name}_count", critical) == 8
    assert value(f"{name}_sum", critical) == pytest.approx(2 * (0.014 + 2 + 99))
    assert value("tocsin_config_last_reload_successful") == 1


@pytest.mark.usefixtures("counted")
def test_a_tenant_sees_its_own_only(
    web: Web, someone: Someone, other: Someone, record: Record
) -> None:
    seeds.story(record, someone.tenant)
    for name, labels in scraped(web, other.tokens["read"]):
        assert dict(labels).get("tenant_id", other.slug) == other.slug, name
        assert name != "tocsin_deadletter_size"
    dead = scraped(web, someone.tokens["read"])[
        "tocsin_deadletter_size", (("integration", "slack"),)
    ]
    assert dead == 1


def test_a_refused_policy_shows(web: Web, someone: Someone, record: Record) -> None:
    with record.session([someone.tenant]) as tx:
        policies.set_problem(tx, someone.tenant, "line 3: no")
    key = ("tocsin_config_last_reload_successful", (("tenant_id", someone.slug),))
    assert scraped(web, someone.tokens["read"])[key] == 0
    assert scraped(web, OPERATOR)[key] == 0
    assert web.client.get("/-/ready").text == "OK"


def test_the_backlog_shows(web: Web, someone: Someone, record: Record) -> None:
    with record.session([someone.tenant]) as tx:
        tx.run(
            "INSERT INTO inbox (tenant, stage, urgent, alerts, received_at)"
            " VALUES (%s, 'nowhere', false, 1, %s)",
            [someone.tenant, tx.now - timedelta(seconds=50)],
        )
    try:
        for token in (OPERATOR, someone.tokens["read"]):
            assert scraped(web, token)["tocsin_inbox_oldest_seconds", ()] >= 50
        found = web.client.get("/-/ready")
        assert found.status_code == 503
        assert found.headers["Retry-After"]
        assert "nowhere (inbox) has been due for 5" in found.json()["reasons"][0]
        assert web.client.get("/-/healthy").status_code == 200
    finally:
        with record.session([someone.tenant]) as tx:
            tx.run("DELETE FROM inbox WHERE tenant = %s", [someone.tenant])
    assert scraped(web, someone.tokens["read"])["tocsin_inbox_oldest_seconds", ()] == 0
    assert web.client.get("/-/ready").text == "OK"


def test_who_may_look(web: Web, someone: Someone, other: Someone) -> None:
    def status(token: str, path: str = "/metrics") -> int:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return web.client.get(path, headers=headers).status_code

    assert status("") == status("nonsense") == status(someone.tokens["revoked"]) == 401
    assert status(someone.tokens["ingest"]) == 403
    assert status(someone.tokens["read"], f"/t/{someone.slug}/metrics") == 200
    assert status(someone.tokens["read"], f"/t/{other.slug}/metrics") == 403
    assert status(OPERATOR, f"/t/{someone.slug}/metrics") == 401
    assert web.client.get("/metrics", auth=("prometheus", OPERATOR)).status_code == 200


def test_every_family_is_as_promtool_wants_it(web: Web) -> None:
    text = web.client.get("/metrics", headers={"Authorization": f"Bearer {OPERATOR}"}).text
    helped = {line.split()[2] for line in text.splitlines() if line.startswith("# HELP")}
    typed = {line.split()[2]: line.split()[3] for line in text.splitlines() if "# TYPE" in line}
    assert helped == typed.keys()
    for name, kind in typed.items():
        assert name.endswith("_total") == (kind == "counter"), name
    assert len(typed) == 14 + len(metrics.COUNTERS)
    assert all(len(line.split(" ", 3)) == 4 for line in text.splitlines() if "# HELP" in line)


def test_what_tocsin_sees_of_itself_is_for_the_operator_and_its_own_tenant(
    web: Web, someone: Someone, other: Someone, record: Record
) -> None:
    with record.session([someone.tenant]) as tx:
        tx.run(
            "INSERT INTO synthetic (tenant, id, fingerprint, source, posted_at, arrived_at)"
            " VALUES (%s, 1, 'f', 'watch', %s, %s)",
            [someone.tenant, tx.now - timedelta(seconds=9), tx.now - timedelta(seconds=7)],
        )
        arrived = tx.now.timestamp() - 7
        tallies = Tallies()
        for seconds in (0.2, 3, 900):
            tallies.late(someone.tenant, timedelta(seconds=seconds))
        tallies.write(tx)
        progress.write(tx, "here/1", [progress.Step("page", 2.0, 5)])
    try:
        found = scraped(web, OPERATOR)
        assert found["tocsin_oldest_due_seconds", (("work", "dedup"),)] == 0
        assert 2 <= found["tocsin_loop_progress_age_seconds", (("loop", "page"),)] < 60
        for token in (OPERATOR, someone.tokens["read"]):
            found = scraped(web, token)
            assert found["tocsin_synthetic_latency_seconds", ()] == pytest.approx(2)
            at = found["tocsin_synthetic_last_success_timestamp_seconds", ()]
            assert at == pytest.approx(arrived, abs=1)
            name, mine = "tocsin_escalation_lateness_seconds", ("tenant_id", someone.slug)
            assert found[f"{name}_bucket", (("le", "5"), mine)] == 2
            assert found[f"{name}_count", (mine,)] == 3
            assert found[f"{name}_sum", (mine,)] == pytest.approx(903.2)
        names = {name for name, _ in scraped(web, other.tokens["read"])}
        assert not {name for name in names if "synthetic" in name or "progress" in name}
        assert "tocsin_oldest_due_seconds" not in names
    finally:
        with record.claims() as tx:
            tx.run("DELETE FROM progress")


def test_hostile_labels_stay_labels() -> None:
    row = metrics.Row('a"b\n', "notifications_failed_total", 'x\\|y"|z\n', 1)
    lone = metrics.Row("t", "alerts_processed_total", "critical", 2)
    odd = metrics.Row("t", "unknown_total", "a|b|c", 2)
    found = samples(metrics.text(metrics.Figures([row, lone, odd], {}, 0, {})).decode())
    assert found["tocsin_notifications_failed_total", (
        ("integration", "x\\"), ("reason", 'y"|z\n'), ("tenant_id", 'a"b\n'))] == 1  # fmt: skip
    key = (("severity", "critical"), ("status", ""), ("tenant_id", "t"))
    assert found["alerts_processed_total", key] == 2


def test_circuits_are_shown_to_whom_they_belong(
    web: Web, record: Record, someone: Someone, other: Someone
) -> None:
    where = "https://x.example/a"
    row = {"tenant": someone.tenant, "channel": "webhook", "destination": where}
    with record.session([someone.tenant]) as tx:
        known = circuits.locked(tx, row)
        for _ in range(circuit.OPEN_AFTER):
            known = circuit.failed(known, tx.now, "no answer", probe=False)
        circuits.write(tx, row, known)
    labels = {
        "tenant_id": someone.slug,
        "integration": "webhook",
        "destination": where,
    }
    name = ("tocsin_breaker_state", tuple(sorted(labels.items())))
    assert scraped(web, OPERATOR)[name] == 2
    assert scraped(web, someone.tokens["read"])[name] == 2
    assert name not in scraped(web, other.tokens["read"])
