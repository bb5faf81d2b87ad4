"""The access log shows the keys that stand in addresses."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "ingest/app.py",
            '            _KEY.sub(r"\\1...", each) if isinstance(each, str) else each '
            "for each in record.args\n",
            "            each for each in record.args\n",
        ),
    ),
    Pytest("tests/ingest/test_access.py", "test_the_access_log_of_the_server_never_shows_a_key"),
)
