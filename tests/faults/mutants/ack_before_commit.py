"""Ingest answers before what it answers for is committed."""

from __future__ import annotations

from tests.faults.mutants import Edit, Faults, Mutation

MUTATION = Mutation(
    (
        Edit(
            "ingest/app.py",
            "            await self._flusher.store(entry)\n",
            "            _kept.add(asyncio.ensure_future(self._flusher.store(entry)))\n",
        ),
        Edit(
            "ingest/app.py",
            "async def app(scope: Scope",
            "_kept: set[asyncio.Future[None]] = set()\n\n\nasync def app(scope: Scope",
        ),
    ),
    Faults("provider_500,process_killed_often,postgres_read_only"),
)
