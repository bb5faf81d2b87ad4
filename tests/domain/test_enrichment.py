"""The table gives each key the value of the first row that sets it."""

from __future__ import annotations

from tocsin.domain import enrichment, matchers
from tocsin.domain.enrichment import Lookup

TABLE = (
    Lookup(matchers.parse_list("service=db"), {"owner": "dba", "runbook": "db"}),
    Lookup(matchers.parse_list("severity=critical"), {"runbook": "critical"}),
    Lookup((), {"owner": "ops", "runbook": "any"}),
)


def test_lookup() -> None:
    both = {"service": "db", "severity": "critical"}
    assert enrichment.lookup(TABLE, both) == {"owner": "dba", "runbook": "db"}
    assert enrichment.lookup(TABLE, {"severity": "critical"}) == {
        "owner": "ops",
        "runbook": "critical",
    }
    assert enrichment.lookup(TABLE, {}) == {"owner": "ops", "runbook": "any"}
    assert enrichment.lookup((), {}) == {}
