"""Without Redis the rate limit lets nothing through."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "workers/limits.py",
            "            return self._alone(key, moment, period, burst)\n",
            "            return 60.0\n",
        ),
    ),
    Pytest("tests/workers/test_limits.py", "test_without_redis_each_keeps_the_limit_by_itself"),
)
