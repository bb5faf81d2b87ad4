"""A firing that is as old as the stored resolve opens it again."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "tocsin/domain/lifecycle.py",
            "    if starts <= known.starts_at and known.expires_at is None:\n",
            "    if starts < known.starts_at and known.expires_at is None:\n",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
