"""A text that may have arrived is sent again without looking."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "channels/sms.py",
            "    if call.may_repeat and call.attempt > 1:\n",
            "    if call.may_repeat and call.attempt > 99:\n",
        ),
    ),
    Faults("provider_answer_lost"),
)
