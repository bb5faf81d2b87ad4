"""Each attempt of a delivery has a key of its own."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "actors/deliver.py",
            'key=str(errand.row["id"]),',
            "key=f\"{errand.row['id']}-{errand.row['attempts']}\",",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
