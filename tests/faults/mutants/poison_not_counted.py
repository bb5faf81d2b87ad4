"""Nobody counts how often a row failed."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "workers/drain.py",
            '        inbox.suspect(tx, [row["id"] for row in held])\n',
            '        log.debug("suspects", rows=len(held), known=tx.now)\n',
        ),
    ),
    Pytest(
        "tests/workers/test_drain.py",
        "test_the_fifth_failure_takes_a_batch_into_quarantine_counts_it_and_pages",
    ),
)
