"""Groups with something critical are flushed before the others of their tenant.

Revision ID: 0025
Revises: 0024
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

#: By how much a group with something critical is before others: so much, and not for ever, lest
#: many of them keep the rest from being told.
ORDER = "t.due_at - CASE WHEN t.urgent THEN interval '5 minutes' ELSE interval '0' END"
CLAIM = """
CREATE OR REPLACE FUNCTION claim_flushes(p_limit int, p_members int, p_heavy boolean, p_light int)
RETURNS TABLE (tenant bigint, group_id uuid, members bigint, light boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  found_one record;
  room bigint := p_members;
  left_over int := p_limit;
BEGIN
  FOR found_one IN
    WITH due AS (
      SELECT d.* FROM (
        SELECT t.tenant, t.subject::uuid AS id, row_number() OVER (
            PARTITION BY t.tenant ORDER BY {order}) AS turn
        FROM timer t WHERE t.kind = 'flush' AND t.due_at <= tocsin_now()) d
      WHERE d.turn <= greatest(100, 4 * p_limit)),
    weighed AS (
      SELECT due.*, (SELECT count(*) FROM (
          SELECT 1 FROM group_member m WHERE m.tenant = due.tenant AND m.group_id = due.id
          LIMIT p_members) s) AS members FROM due),
    kinds AS (
      SELECT w.*, sum(w.members + 1) OVER (PARTITION BY w.tenant) <= p_light AS light
      FROM weighed w)
    SELECT * FROM kinds k ORDER BY k.light = p_heavy, k.turn, k.tenant
  LOOP
    EXIT WHEN light IS NOT NULL AND light <> found_one.light;
    PERFORM 1 FROM alert_group g WHERE g.tenant = found_one.tenant AND g.id = found_one.id
      FOR UPDATE SKIP LOCKED;
    CONTINUE WHEN NOT FOUND;
    tenant := found_one.tenant;
    group_id := found_one.id;
    members := found_one.members;
    light := found_one.light;
    RETURN NEXT;
    room := room - members - 1;
    left_over := left_over - 1;
    EXIT WHEN room <= 0 OR left_over <= 0;
  END LOOP;
END $$;
"""


def upgrade() -> None:
    op.add_column(
        "timer", sa.Column("urgent", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.execute(CLAIM.format(order=ORDER))


def downgrade() -> None:
    op.execute(CLAIM.format(order="t.due_at"))
    op.drop_column("timer", "urgent")
