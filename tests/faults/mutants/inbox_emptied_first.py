"""The drain takes rows out of the inbox in a transaction of their own."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "workers/drain.py",
            "        held += inbox.claim(tx, *claim)\n",
            "        with record.claims() as apart:\n"
            "            held += inbox.claim(apart, *claim)\n",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
