"""A text that may have arrived is sent again without looking."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "channels/sms.py",
            "    if call.may_repeat and call.attempt > 1:\n",
            "    if call.may_repeat and call.attempt > 99:\n",
        ),
    ),
    Pytest("tests/channels/test_sms.py", "test_what_may_have_arrived_is_looked_up_first"),
)
