"""What is stored of an alert is changed by its fingerprint alone."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/alerts.py",
            "  count bigint, last_seen timestamptz)\n"
            "WHERE a.tenant = r.tenant AND a.fingerprint = r.fingerprint\n",
            "  count bigint, last_seen timestamptz)\nWHERE a.fingerprint = r.fingerprint\n",
        ),
        Edit(
            "tocsin/storage/alerts.py",
            "  AS r (tenant, fingerprint, count, last_seen, expires_at)\n"
            "WHERE a.tenant = r.tenant AND a.fingerprint = r.fingerprint\n",
            "  AS r (tenant, fingerprint, count, last_seen, expires_at)\n"
            "WHERE a.fingerprint = r.fingerprint\n",
        ),
    ),
    Pytest(
        "tests/actors/test_dedup.py",
        "test_the_same_alert_of_two_tenants_is_two_alerts_in_one_drain_too",
    ),
)
