"""Repeats are not counted."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "actors/dedup.py",
            '        load.tallies.add(tenant, "alerts_processed_total", severity, '
            "kind, value=times)\n",
            '        if kind != "repeat":\n'
            '            load.tallies.add(tenant, "alerts_processed_total", severity, '
            "kind, value=times)\n",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
