"""A receiver that does not answer counts as told."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "actors/deliver.py",
            "        _fates.try_later(here.record, errand.row, errand.claimed, error)\n",
            '        _fates.sent(here.record, errand.row, errand.claimed, None, "")\n',
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
