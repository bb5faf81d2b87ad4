"""Facts of other systems: what was asked, what they answered, and which alerts wait for it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0006"
down_revision = "0005"

#: As in 0002, and the lookups that are due.
WORK = r"""
CREATE OR REPLACE FUNCTION due_work() RETURNS TABLE (work text, queue text, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT i.stage, 'inbox', min(i.received_at) FROM inbox i GROUP BY i.stage
  UNION ALL
  SELECT t.kind, 'timer', min(t.due_at) FROM timer t WHERE t.due_at <= tocsin_now() GROUP BY t.kind
  UNION ALL
  SELECT d.channel, d.queue, min(d.due_at) FROM delivery d
  WHERE d.state IN ('pending', 'sending') AND d.due_at <= tocsin_now() GROUP BY d.channel, d.queue
  {lookups}
$$;

CREATE OR REPLACE FUNCTION next_due() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT least((SELECT min(due_at) FROM timer WHERE due_at > tocsin_now()),
               (SELECT min(due_at) FROM delivery
                WHERE state IN ('pending', 'sending') AND due_at > tocsin_now()){soon})
$$;
"""
LOOKUPS = """UNION ALL
  SELECT 'lookup', 'lookup', min(l.due_at) FROM lookup l WHERE l.due_at <= tocsin_now()
  HAVING min(l.due_at) IS NOT NULL"""
SOON = """,
               (SELECT min(due_at) FROM lookup WHERE due_at > tocsin_now())"""

FUNCTIONS = r"""
-- The lease and the fence in one commit. A host in p_busy, "<tenant> <host>", has enough threads.
CREATE FUNCTION claim_lookups(p_limit int, p_lease interval, p_busy text[]) RETURNS SETOF lookup
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE lookup SET fence = fence + 1, attempts = attempts + 1, due_at = tocsin_now() + p_lease
  FROM (SELECT l.tenant AS tenant, l.enricher AS enricher, l.key AS key FROM lookup l
        WHERE l.due_at <= tocsin_now() AND NOT (l.tenant || ' ' || l.host) = ANY(p_busy)
        ORDER BY l.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED) mine
  WHERE lookup.tenant = mine.tenant AND lookup.enricher = mine.enricher AND lookup.key = mine.key
  RETURNING lookup.*
$$;

-- Answers that nobody has asked for since they ran out so long ago.
CREATE FUNCTION forget_lookups(p_before timestamptz) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (
    DELETE FROM lookup WHERE (tenant, enricher, key) IN
      (SELECT tenant, enricher, key FROM lookup
       WHERE due_at IS NULL AND coalesce(expires_at, fetched_at, '-infinity') < p_before
       ORDER BY tenant, enricher, key LIMIT 10000 FOR UPDATE SKIP LOCKED)
    RETURNING tenant, enricher, key)
  DELETE FROM lookup_waiting w USING gone g
  WHERE w.tenant = g.tenant AND w.enricher = g.enricher AND w.key = g.key
$$;
"""
CALLABLE = ("claim_lookups(int, interval, text[])", "forget_lookups(timestamptz)")


def upgrade() -> None:
    op.create_table(
        "lookup",
        sa.Column("tenant", sa.BigInteger, primary_key=True),
        sa.Column("enricher", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("host", sa.Text, nullable=False),
        sa.Column("given", sa.Text),
        sa.Column("fetched_at", sa.DateTime(timezone=True)),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("error", sa.Text),
        postgresql_with={"fillfactor": 80},
    )
    op.create_index(
        "lookup_due", "lookup", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL")
    )
    op.create_table(
        "lookup_waiting",
        sa.Column("tenant", sa.BigInteger, primary_key=True),
        sa.Column("enricher", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("fingerprint", sa.Text, primary_key=True),
    )
    guards.protect("lookup", "SELECT, INSERT, UPDATE, DELETE", "SELECT, UPDATE, DELETE")
    guards.protect("lookup_waiting", "SELECT, INSERT, DELETE", "SELECT, DELETE")
    op.execute(FUNCTIONS)
    guards.expose(CALLABLE)
    _work(LOOKUPS, SOON)


def downgrade() -> None:
    _work("", "")
    for function in CALLABLE:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_table("lookup_waiting")
    op.drop_table("lookup")


def _work(lookups: str, soon: str) -> None:
    """Say anew what is due, with the rights that the functions have."""
    op.execute(WORK.replace("{lookups}", lookups).replace("{soon}", soon))
