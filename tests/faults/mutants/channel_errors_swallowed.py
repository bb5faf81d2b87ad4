"""What goes wrong in a channel is passed over in silence."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "actors/deliver.py",
            "        _fates.try_later(here.record, errand.row, errand.claimed, bug)\n",
            '        _fates.sent(here.record, errand.row, errand.claimed, None, "")\n',
        ),
    ),
    Pytest("tests/actors/test_deliver.py", "test_a_bug_in_a_channel_is_a_retry_in_doubt"),
)
