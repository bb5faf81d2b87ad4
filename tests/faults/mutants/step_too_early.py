"""The next step of an escalation comes after half of the wait."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "tocsin/domain/escalation.py",
            "return Walk(tuple(done), place, now + step.wait)",
            "return Walk(tuple(done), place, now + step.wait / 2)",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
