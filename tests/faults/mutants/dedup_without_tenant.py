"""Deduplication knows alerts by their fingerprint alone."""

from __future__ import annotations

from tests.faults.mutants import Edit, Mutation, Pytest

MUTATION = Mutation(
    (
        Edit(
            "actors/dedup.py",
            "    track = tracks[arrival.tenant, alert.fingerprint]\n    before = track.known",
            "    track = next(t for (_, mark), t in tracks.items() if mark == "
            "alert.fingerprint)\n"
            "    before = track.known",
        ),
    ),
    Pytest("tests/actors/test_dedup.py", "test_one_drain_serves_many_alerts_of_many_tenants"),
)
