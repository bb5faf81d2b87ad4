"""What goes wrong in a channel is passed over in silence."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "actors/deliver.py",
            "        _fates.try_later(here.record, errand.row, errand.claimed, bug)\n",
            "        receipt = channels.Receipt(None, '')\n"
            "        _fates.sent(\n"
            "            here.record, errand.row, errand.brief, errand.claimed, receipt)\n",
        ),
    ),
    Pytest("tests/actors/test_deliver.py", "test_a_bug_in_a_channel_is_a_retry_in_doubt"),
)
