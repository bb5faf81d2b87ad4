"""An act on an incident is audited in a transaction of its own."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "tocsin/web/incidents.py",
            '            audit.record(tx, caller.tenant, by, f"incident.{name}", str(row), said)\n',
            "            with record.session([caller.tenant]) as apart:\n"
            "                audit.record(apart, caller.tenant, by, "
            'f"incident.{name}", str(row), said)\n',
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
