"""When something falls due next is asked kind by kind, each with one look into its index.

The minimum over all kinds at once walked all timers, one for each alert that fires, twice a second.

Revision ID: 0027
Revises: 0026
"""

from __future__ import annotations

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

HEAD = """
CREATE OR REPLACE FUNCTION next_due() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
"""
BY_KIND = """
  WITH RECURSIVE kinds AS (
    (SELECT kind FROM timer ORDER BY kind LIMIT 1)
    UNION ALL
    SELECT (SELECT t.kind FROM timer t WHERE t.kind > k.kind ORDER BY t.kind LIMIT 1)
    FROM kinds k WHERE k.kind IS NOT NULL),
  lines AS (
    (SELECT queue, channel FROM delivery WHERE state IN ('pending', 'sending')
     ORDER BY queue, channel LIMIT 1)
    UNION ALL
    SELECT n.queue, n.channel FROM lines l CROSS JOIN LATERAL (
      SELECT d.queue, d.channel FROM delivery d WHERE d.state IN ('pending', 'sending')
        AND (d.queue, d.channel) > (l.queue, l.channel) ORDER BY d.queue, d.channel LIMIT 1) n)
  SELECT least(
    (SELECT min(t.due_at) FROM kinds k CROSS JOIN LATERAL (
       SELECT due_at FROM timer WHERE kind = k.kind AND due_at > tocsin_now()
       ORDER BY due_at LIMIT 1) t),
    (SELECT min(d.due_at) FROM lines l CROSS JOIN LATERAL (
       SELECT due_at FROM delivery WHERE queue = l.queue AND channel = l.channel
         AND state IN ('pending', 'sending') AND due_at > tocsin_now()
       ORDER BY due_at LIMIT 1) d),
    (SELECT min(due_at) FROM lookup WHERE due_at > tocsin_now()))
"""
AT_ONCE = """
  SELECT least((SELECT min(due_at) FROM timer WHERE due_at > tocsin_now()),
               (SELECT min(due_at) FROM delivery
                WHERE state IN ('pending', 'sending') AND due_at > tocsin_now()),
               (SELECT min(due_at) FROM lookup WHERE due_at > tocsin_now()))
"""


def upgrade() -> None:
    op.execute(f"{HEAD}{BY_KIND}$$")


def downgrade() -> None:
    op.execute(f"{HEAD}{AT_ONCE}$$")
