"""Claims take what is light before what is heavy, and folds of tenants that flood."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0020"
down_revision = "0019"

#: The claims of before stay: while versions are mixed, older processes call them.
FUNCTIONS = r"""
-- Takes inbox rows of one stage out of the inbox, in the transaction of their effect. A tenant with
-- at most p_light alerts waiting is light; light ones share a claim, and no heavy one with them:
-- who brings little must not wait for the work and the locks of who floods. p_heavy asks for the
-- heavy ones, so that they get their turn. Where nothing can be had of one kind the other is taken:
-- what another claim holds still looks as if it waited. Tenants of a claim have equal shares of
-- p_alerts, urgent rows first; of suspects those first that failed least. `behind` is how many
-- alerts of its tenant waited, counted in p_count rows. What stands in a note is in somebody's
-- hands, or was until its process died: it is passed by until the note is recovered, or each
-- process in turn would take it and die.
CREATE FUNCTION claim_work(p_stage text, p_alerts int, p_rows int, p_suspects boolean,
                           p_heavy boolean, p_light int, p_count int)
RETURNS TABLE (tenant bigint, id bigint, alerts int, received_at timestamptz, intake_id bigint,
               events bigint[], own text, attempts smallint, traceparent text, light boolean,
               behind bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  waiting bigint[];
  few bigint[] := '{}';
  many bigint[] := '{}';
  one bigint;
  n int;
  total bigint := 0;
  weight bigint;
  turn int;
  quota int;
  fair int;
  room int := p_rows;
  taken int := 0;
  picked bigint[];
  noted bigint[];
BEGIN
  SELECT coalesce(array_agg(x), '{}') INTO noted
  FROM drain_note n, unnest(n.ids) AS x WHERE n.noted_at > now() - interval '15 seconds';
  WITH RECURSIVE hop AS (
    (SELECT i.tenant FROM inbox i WHERE i.stage = p_stage ORDER BY i.tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT i.tenant FROM inbox i WHERE i.stage = p_stage AND i.tenant > hop.tenant
            ORDER BY i.tenant LIMIT 1) FROM hop WHERE hop.tenant IS NOT NULL)
  SELECT array_agg(hop.tenant ORDER BY random()) INTO waiting FROM hop WHERE hop.tenant IS NOT NULL;
  FOREACH one IN ARRAY coalesce(waiting, '{}') LOOP
    SELECT sum(s.alerts) INTO weight FROM (
      SELECT i.alerts FROM inbox i WHERE i.stage = p_stage AND i.tenant = one
      LIMIT p_light + 1) s;
    IF weight <= p_light THEN few := few || one; ELSE many := many || one; END IF;
  END LOOP;
  FOR turn IN 1..2 LOOP
    light := (turn = 1) <> p_heavy;
    picked := CASE WHEN light THEN few ELSE many END;
    quota := greatest(1, p_alerts / greatest(1, cardinality(picked)));
    fair := greatest(1, p_rows / greatest(1, cardinality(picked)));
    FOREACH one IN ARRAY picked LOOP
      behind := 0;
      IF NOT light THEN
        SELECT sum(s.alerts) INTO behind FROM (
          SELECT i.alerts FROM inbox i WHERE i.stage = p_stage AND i.tenant = one LIMIT p_count) s;
      END IF;
      RETURN QUERY
      WITH locked AS (
        SELECT i.id, i.alerts, i.urgent FROM inbox i
        WHERE i.stage = p_stage AND i.tenant = one AND (i.attempts > 0) = p_suspects
          AND NOT i.id = ANY(noted)
        ORDER BY CASE WHEN p_suspects THEN i.attempts END, i.urgent DESC, i.id
        LIMIT least(quota, room, fair)
        FOR UPDATE SKIP LOCKED),
      share AS (
        SELECT w.id FROM (SELECT l.id, sum(l.alerts) OVER (ORDER BY l.urgent DESC, l.id) - l.alerts
                          AS before FROM locked l) w WHERE w.before < quota)
      DELETE FROM inbox i WHERE i.tenant = one AND i.id = ANY(ARRAY(SELECT s.id FROM share s))
      RETURNING i.tenant, i.id, i.alerts, i.received_at, i.intake_id, i.events, i.own, i.attempts,
                i.traceparent, claim_work.light, claim_work.behind;
      GET DIAGNOSTICS n = ROW_COUNT;
      taken := taken + n;
      room := room - n;
      EXIT WHEN room <= 0;
    END LOOP;
    EXIT WHEN taken > 0;
  END LOOP;
END $$;

-- Notes of drains that ended without saying so: their connection is gone, or they are older than
-- any transaction may last (p_age).
CREATE FUNCTION recover_drains(p_age interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  lost bigint[];
BEGIN
  WITH gone AS (
    DELETE FROM drain_note n WHERE n.ids <> '{}' AND (n.noted_at < now() - p_age
      OR n.backend IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid = n.backend))
    RETURNING n.ids)
  SELECT array_agg(x) INTO lost FROM gone, unnest(gone.ids) AS x;
  PERFORM suspect_inbox(coalesce(lost, '{}'));
  RETURN coalesce(cardinality(lost), 0);
END $$;

-- Locks groups whose flush is due, of each tenant in turn, light tenants and heavy ones apart as
-- above. What a group weighs is its members; a claim takes up to p_members of them, and at least
-- one group. The group row is the mutex; the timer is read again under it.
CREATE FUNCTION claim_flushes(p_limit int, p_members int, p_heavy boolean, p_light int)
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
            PARTITION BY t.tenant ORDER BY t.due_at) AS turn
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

-- Whether the installation as a whole is behind with a stage: a tenant that brings little has
-- waited for longer than p_bound seconds, or two have, or the only one there is. One that floods
-- is behind by its own doing and no reason to refuse the others. What failed before runs alone and
-- does not count.
CREATE FUNCTION inbox_load(p_stage text, p_light int, p_bound float8)
RETURNS TABLE (behind boolean, seconds float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH RECURSIVE hop AS (
    (SELECT i.tenant FROM inbox i WHERE i.stage = p_stage ORDER BY i.tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT i.tenant FROM inbox i WHERE i.stage = p_stage AND i.tenant > hop.tenant
            ORDER BY i.tenant LIMIT 1) FROM hop WHERE hop.tenant IS NOT NULL),
  waits AS (
    SELECT h.tenant, extract(epoch FROM tocsin_now() - (
        SELECT min(s.received_at) FROM (VALUES (true), (false)) AS u (urgent), LATERAL (
          SELECT i.received_at FROM inbox i WHERE i.stage = p_stage AND i.tenant = h.tenant
            AND i.urgent = u.urgent AND i.attempts = 0 ORDER BY i.id LIMIT 1) s))::float8 AS seconds
    FROM hop h WHERE h.tenant IS NOT NULL),
  late AS (
    SELECT w.tenant, (SELECT sum(s.alerts) FROM (
        SELECT i.alerts FROM inbox i WHERE i.stage = p_stage AND i.tenant = w.tenant
        LIMIT p_light + 1) s) <= p_light AS light
    FROM waits w WHERE w.seconds > p_bound)
  SELECT coalesce(bool_or(l.light), false) OR count(*) > 1
      OR (count(*) = 1 AND (SELECT count(*) FROM (SELECT 1 FROM tenant LIMIT 2) t) = 1),
    coalesce((SELECT max(w.seconds) FROM waits w), 0)
  FROM late l
$$;
"""
CALLABLE = (
    "claim_work(text, int, int, boolean, boolean, int, int)",
    "claim_flushes(int, int, boolean, int)",
    "inbox_load(text, int, float8)",
    "recover_drains(interval)",
)


def upgrade() -> None:
    op.create_table(
        "fold",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("alerts", sa.BigInteger, nullable=False),
        sa.Column("labels", sa.Text, nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index(
        "fold_open", "fold", ["tenant"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "folded_alert",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("fold_id", sa.Uuid, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "fingerprint", "fold_id"),
    )
    guards.protect("fold", "SELECT, INSERT, UPDATE")
    guards.protect("folded_alert", "SELECT, INSERT, UPDATE, DELETE")
    op.add_column("drain_note", sa.Column("backend", sa.Integer))
    op.execute(FUNCTIONS)
    guards.expose(CALLABLE)


def downgrade() -> None:
    op.drop_table("folded_alert")
    op.drop_table("fold")
    for function in CALLABLE:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_column("drain_note", "backend")
