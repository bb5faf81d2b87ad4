"""Timers of escalations are taken two seconds before they are due."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "tocsin/storage/timers.py",
            '" WHERE kind = %s AND subject = ANY(%s) AND due_at <= %s",',
            "\" WHERE kind = %s AND subject = ANY(%s) AND due_at - interval '1 hour' <= %s\",",
        ),
        Edit(
            "tocsin/storage/migrations/versions/0002_guards.py",
            "WHERE t.kind = p_kind AND t.due_at <= tocsin_now() ORDER BY t.due_at LIMIT p_limit",
            "WHERE t.kind = p_kind AND t.due_at - interval '1 hour' <= tocsin_now() "
            "ORDER BY t.due_at LIMIT p_limit",
        ),
    ),
    Pytest(
        "tests/actors/test_escalate.py",
        "test_who_does_not_act_is_followed_by_the_next_until_somebody_does",
    ),
)
