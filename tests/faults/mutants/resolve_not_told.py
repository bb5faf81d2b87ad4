"""That something is over is told to nobody."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "tocsin/domain/notifying.py",
            'return "resolved" if owed and send_resolved else None',
            "return None",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
