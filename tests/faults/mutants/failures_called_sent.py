"""A receiver that does not answer counts as told."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "actors/deliver.py",
            "        _fates.try_later(here.record, errand.row, errand.claimed, error)\n",
            "        receipt = channels.Receipt(None, '')\n"
            "        _fates.sent(\n"
            "            here.record, errand.row, errand.brief, errand.claimed, receipt)\n",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
