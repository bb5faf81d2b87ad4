"""A commit of which nobody knows whether it happened is answered with 2xx."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "ingest/flusher.py",
            "            self._is_away(error)\n"
            "            _refuse(batch)\n"
            "        except Exception:",
            "            self._is_away(error)\n"
            "            for _, done in batch:\n"
            "                done.done() or done.set_result(None)\n"
            "        except Exception:",
        ),
    ),
    Pytest("tests/ingest/test_durability.py", "test_a_commit_in_doubt_is_answered_with_503"),
)
