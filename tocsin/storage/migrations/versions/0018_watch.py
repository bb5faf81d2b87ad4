"""Tocsin watches itself: progress of loops, the synthetic alert, and what should not be."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0018"
down_revision = "0017"

#: What the functions below read of tables that no function looked at across tenants so far.
READ = ("alert_event", "escalation", "group_member", "incident", "notification", "report_letter",
        "report_schedule", "service_level")  # fmt: skip

FUNCTIONS = r"""
-- What is due and nobody is at it, of all tenants. Other than for due_work(), what waits for good
-- reason is left out: behind one of the same line that is on its way, or for a destination or a
-- host that answers so slowly that it has all the threads it may have.
CREATE FUNCTION late_work() RETURNS TABLE (work text, queue text, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH clock AS MATERIALIZED (SELECT tocsin_now() AS now),
  going AS MATERIALIZED (
    SELECT d.tenant, d.group_id, d.integration, d.destination,
      d.due_at > clock.now AND d.due_at <= clock.now + interval '1 minute' AS leased
    FROM delivery d, clock WHERE d.state = 'sending'),
  asked AS MATERIALIZED (
    SELECT DISTINCT l.tenant, l.host FROM lookup l, clock
    WHERE l.due_at > clock.now AND l.attempts > 0)
  SELECT i.stage, 'inbox', min(coalesce(i.queued_at, i.received_at)) FROM inbox i GROUP BY i.stage
  UNION ALL
  SELECT t.kind, 'timer', min(t.due_at) FROM timer t, clock
  WHERE t.due_at <= clock.now GROUP BY t.kind
  UNION ALL
  SELECT d.channel, d.queue, min(d.due_at) FROM delivery d, clock
  WHERE d.state IN ('pending', 'sending') AND d.due_at <= clock.now
    AND (d.state = 'sending' OR NOT EXISTS (
      SELECT 1 FROM going g WHERE g.tenant = d.tenant AND g.group_id = d.group_id
        AND g.integration = d.integration))
    AND NOT EXISTS (SELECT 1 FROM going g WHERE g.tenant = d.tenant
      AND g.destination = d.destination AND g.leased)
  GROUP BY d.channel, d.queue
  UNION ALL
  SELECT 'lookup', 'lookup', min(l.due_at) FROM lookup l, clock
  WHERE l.due_at <= clock.now AND NOT EXISTS (
    SELECT 1 FROM asked a WHERE a.tenant = l.tenant AND a.host = l.host)
  HAVING min(l.due_at) IS NOT NULL
  UNION ALL
  SELECT 'score', 'scoring', min(w.since) FROM score_waiting w HAVING min(w.since) IS NOT NULL
$$;

-- Rows that something ought to move and nothing will: their timer is gone, or they are due at a
-- time that nobody gave them. Each is looked at again, under its lock, before it is mended.
CREATE FUNCTION find_stuck(p_limit int)
RETURNS TABLE (what text, tenant bigint, subject text, incident uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH clock AS MATERIALIZED (SELECT tocsin_now() AS now)
  (SELECT 'escalation', e.tenant, e.incident_id || '/' || e.name, e.incident_id
   FROM escalation e JOIN incident i ON i.tenant = e.tenant AND i.id = e.incident_id
   WHERE e.state = 'running' AND i.state = 'open' AND NOT EXISTS (
     SELECT 1 FROM timer t WHERE t.tenant = e.tenant AND t.kind = 'escalation'
       AND t.subject = e.incident_id || '/' || e.name)
   LIMIT p_limit)
  UNION ALL
  (SELECT 'snooze', i.tenant, i.id::text, i.id FROM incident i, clock
   WHERE i.state <> 'resolved' AND i.state = 'acknowledged'
     AND i.reopens_at < clock.now - interval '1 minute' AND NOT EXISTS (
       SELECT 1 FROM timer t WHERE t.tenant = i.tenant AND t.kind = 'snooze'
         AND t.subject = i.id::text)
   LIMIT p_limit)
  UNION ALL
  (SELECT 'sending', d.tenant, d.id::text, d.incident_id FROM delivery d, clock
   WHERE d.state = 'sending' AND d.due_at > clock.now
     AND coalesce(d.lease_until, d.created_at) < clock.now - interval '1 minute'
   LIMIT p_limit)
  UNION ALL
  (SELECT 'pending', d.tenant, d.id::text, d.incident_id FROM delivery d, clock
   WHERE d.state = 'pending' AND d.attempts = 0 AND d.due_at > clock.now + interval '5 minutes'
     AND coalesce(d.wanted_at, d.created_at) < clock.now - interval '1 minute'
     AND NOT EXISTS (
       SELECT 1 FROM delivery s WHERE s.tenant = d.tenant AND s.group_id = d.group_id
         AND s.integration = d.integration AND s.state = 'sending')
   LIMIT p_limit)
  UNION ALL
  (SELECT 'level', l.tenant, l.incident_id::text, l.incident_id FROM service_level l, clock
   WHERE l.stopped_at IS NULL AND l.breached_at IS NULL
     AND l.due_at < clock.now - interval '1 minute' AND NOT EXISTS (
       SELECT 1 FROM timer t WHERE t.tenant = l.tenant AND t.kind = 'level'
         AND t.subject = l.incident_id::text)
   LIMIT p_limit)
  UNION ALL
  (SELECT 'report', r.tenant, 'series ' || r.name, NULL FROM report_schedule r, clock
   WHERE r.next_run_at < clock.now - interval '1 minute' AND NOT EXISTS (
     SELECT 1 FROM timer t WHERE t.tenant = r.tenant AND t.kind = 'report'
       AND t.subject = 'series ' || r.name)
   LIMIT p_limit)
  UNION ALL
  (SELECT 'report', r.tenant, 'letter ' || r.id, NULL FROM report_letter r, clock
   WHERE r.state = 'pending' AND r.created_at < clock.now - interval '1 minute' AND NOT EXISTS (
     SELECT 1 FROM timer t WHERE t.tenant = r.tenant AND t.kind = 'report'
       AND t.subject = 'letter ' || r.id)
   LIMIT p_limit)
  UNION ALL
  -- Of nobody: the note of a drain whose process died and that was not given back.
  (SELECT 'note', NULL, n.worker, NULL FROM drain_note n
   WHERE n.ids <> '{}' AND n.noted_at < now() - interval '1 minute'
   LIMIT p_limit)
$$;

-- Walks over the events that are not explained, p_limit of them from a place on. `what` says which
-- of them nobody will explain: its group has no timer ("flush"), or after ten minutes nothing at
-- all is under way that could end it ("event"). NULL: it waits for good reason.
CREATE FUNCTION walk_unexplained(p_tenant bigint, p_at timestamptz, p_id bigint, p_limit int)
RETURNS TABLE (tenant bigint, received_at timestamptz, id bigint, what text, group_id uuid)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH clock AS MATERIALIZED (SELECT tocsin_now() AS now),
  walked AS MATERIALIZED (
    SELECT e.tenant, e.received_at, e.id, e.fingerprint FROM alert_event e
    WHERE e.outcome IS NULL AND (e.tenant, e.received_at, e.id) > (p_tenant, p_at, p_id)
    ORDER BY e.tenant, e.received_at, e.id LIMIT p_limit),
  -- Only asked for where something is that old.
  busy AS MATERIALIZED (
    SELECT d.tenant, unnest(n.events) AS id FROM delivery d
    JOIN notification n ON n.tenant = d.tenant AND n.id = d.notification_id
    WHERE d.state IN ('pending', 'sending')
    UNION SELECT i.tenant, unnest(i.events) FROM inbox i WHERE i.events IS NOT NULL
    UNION SELECT e.tenant, unnest(e.events) FROM escalation e WHERE e.state = 'running')
  SELECT w.tenant, w.received_at, w.id,
    CASE
      WHEN w.received_at > clock.now - interval '30 seconds' THEN NULL
      WHEN lost.group_id IS NOT NULL THEN 'flush'
      WHEN w.received_at > clock.now - interval '10 minutes' THEN NULL
      WHEN EXISTS (SELECT 1 FROM group_member m WHERE m.tenant = w.tenant
        AND m.fingerprint = w.fingerprint AND m.event_id = w.id) THEN NULL
      WHEN (w.tenant, w.id) IN (SELECT b.tenant, b.id FROM busy b) THEN NULL
      ELSE 'event'
    END, lost.group_id
  FROM clock, walked w LEFT JOIN LATERAL (
    SELECT m.group_id FROM group_member m
    WHERE m.tenant = w.tenant AND m.fingerprint = w.fingerprint AND m.event_id = w.id
      AND m.muted_by IS NULL AND NOT EXISTS (
        SELECT 1 FROM timer t WHERE t.tenant = m.tenant AND t.kind = 'flush'
          AND t.subject = m.group_id::text)
    LIMIT 1) lost ON true
  ORDER BY w.tenant, w.received_at, w.id
$$;
"""

#: What is evidence nobody can delete; what the watch itself posted is none.
PRUNE = r"""
CREATE FUNCTION prune_synthetic(p_tenant bigint, p_before timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  marks text[];
  oldest timestamptz;
  rooms uuid[];
  stories uuid[];
BEGIN
  SELECT array_agg(x.fingerprint), min(x.posted_at) - interval '1 minute' INTO marks, oldest FROM (
    SELECT s.fingerprint, s.posted_at FROM synthetic s
    WHERE s.tenant = p_tenant AND s.posted_at < p_before AND EXISTS (
      SELECT 1 FROM alert_label l WHERE l.tenant = s.tenant AND l.fingerprint = s.fingerprint
        AND l.name = 'alertname' AND l.value = 'TocsinSynthetic')
    ORDER BY s.id LIMIT 200) x;
  DELETE FROM synthetic WHERE tenant = p_tenant AND posted_at < p_before - interval '1 day';
  IF marks IS NULL THEN
    RETURN 0;
  END IF;
  -- Groups and incidents with something else in them stay.
  SELECT array_agg(found.group_id) INTO rooms FROM (
    SELECT m.group_id FROM group_member m WHERE m.tenant = p_tenant AND m.fingerprint = ANY(marks)
    UNION
    SELECT n.group_id FROM alert_event e JOIN notification n ON n.tenant = e.tenant
      AND n.id = CASE WHEN e.cause ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
                 THEN e.cause::uuid END
    WHERE e.tenant = p_tenant AND e.fingerprint = ANY(marks) AND e.received_at >= oldest) found
  WHERE NOT EXISTS (SELECT 1 FROM group_member m WHERE m.tenant = p_tenant
    AND m.group_id = found.group_id AND NOT m.fingerprint = ANY(marks));
  SELECT array_agg(DISTINCT g.incident_id) INTO stories FROM incident_group g
  WHERE g.tenant = p_tenant AND g.group_id = ANY(rooms) AND NOT EXISTS (
    SELECT 1 FROM incident_group o WHERE o.tenant = p_tenant AND o.incident_id = g.incident_id
      AND NOT o.group_id = ANY(rooms));
  DELETE FROM delivery_attempt a USING delivery d WHERE a.tenant = p_tenant
    AND a.started_at >= oldest AND d.tenant = p_tenant AND d.id = a.delivery_id
    AND d.incident_id = ANY(stories);
  DELETE FROM delivery WHERE tenant = p_tenant AND incident_id = ANY(stories);
  DELETE FROM notification WHERE tenant = p_tenant AND group_id = ANY(rooms)
    AND incident_id = ANY(stories);
  DELETE FROM timeline WHERE tenant = p_tenant AND incident_id = ANY(stories);
  DELETE FROM escalation_step WHERE tenant = p_tenant AND incident_id = ANY(stories);
  DELETE FROM escalation WHERE tenant = p_tenant AND incident_id = ANY(stories);
  DELETE FROM service_level WHERE tenant = p_tenant AND incident_id = ANY(stories);
  DELETE FROM incident_group WHERE tenant = p_tenant AND incident_id = ANY(stories);
  DELETE FROM incident WHERE tenant = p_tenant AND id = ANY(stories);
  DELETE FROM told WHERE tenant = p_tenant AND group_id = ANY(rooms);
  DELETE FROM group_member WHERE tenant = p_tenant AND fingerprint = ANY(marks);
  DELETE FROM timer WHERE tenant = p_tenant AND subject = ANY(
    marks || coalesce(rooms, '{}')::text[] || coalesce(stories, '{}')::text[]);
  DELETE FROM alert_group g WHERE g.tenant = p_tenant AND g.id = ANY(rooms) AND NOT EXISTS (
    SELECT 1 FROM incident_group o WHERE o.tenant = p_tenant AND o.group_id = g.id);
  DELETE FROM intake i USING synthetic s WHERE i.tenant = p_tenant AND s.tenant = p_tenant
    AND s.fingerprint = ANY(marks) AND i.source = s.source AND i.alerts = 1
    AND i.received_at >= oldest
    AND i.received_at BETWEEN s.posted_at - interval '2 seconds' AND s.posted_at + interval '5 s';
  DELETE FROM alert_event WHERE tenant = p_tenant AND fingerprint = ANY(marks)
    AND received_at >= oldest;
  DELETE FROM alert_score WHERE tenant = p_tenant AND fingerprint = ANY(marks);
  DELETE FROM alert_label WHERE tenant = p_tenant AND fingerprint = ANY(marks);
  DELETE FROM alert WHERE tenant = p_tenant AND fingerprint = ANY(marks);
  DELETE FROM synthetic WHERE tenant = p_tenant AND fingerprint = ANY(marks);
  RETURN cardinality(marks);
END $$;
"""
CALLABLE = (
    "late_work()", "find_stuck(int)", "walk_unexplained(bigint, timestamptz, bigint, int)",
)  # fmt: skip
OWNED = "prune_synthetic(bigint, timestamptz)"


def upgrade() -> None:
    op.create_table(
        "progress",
        sa.Column("process", sa.Text, primary_key=True),
        sa.Column("loop", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done", sa.BigInteger, nullable=False),
        sa.Column("oldest_due", sa.DateTime(timezone=True)),
        prefixes=["UNLOGGED"],
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON progress TO tocsin_app")
    op.create_table(
        "synthetic",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("posted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True)),
    )
    guards.protect("synthetic", "SELECT, INSERT, UPDATE")
    op.add_column("inbox", sa.Column("queued_at", sa.DateTime(timezone=True)))
    _indexes()
    for table in READ:
        op.execute(f"CREATE POLICY of_claims ON {table} TO tocsin_claims USING (true)")
        op.execute(f"GRANT SELECT ON {table} TO tocsin_claims")
    op.execute(FUNCTIONS)
    guards.expose(CALLABLE)
    op.execute(PRUNE)
    op.execute(f"REVOKE ALL ON FUNCTION {OWNED} FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION {OWNED} TO tocsin_app")


def _indexes() -> None:
    """Few rows are in these at any time, so that looking for what is stuck stays cheap."""
    op.create_index(
        "alert_event_open", "alert_event", ["tenant", "received_at", "id"],
        postgresql_where=sa.text("outcome IS NULL"),
    )  # fmt: skip
    op.create_index(
        "escalation_running", "escalation", ["tenant", "incident_id"],
        postgresql_where=sa.text("state = 'running'"),
    )  # fmt: skip
    op.create_index(
        "service_level_running", "service_level", ["tenant", "due_at"],
        postgresql_where=sa.text("stopped_at IS NULL"),
    )  # fmt: skip
    op.create_index(
        "report_letter_pending", "report_letter", ["tenant", "id"],
        postgresql_where=sa.text("state = 'pending'"),
    )  # fmt: skip


def downgrade() -> None:
    for function in (*CALLABLE, OWNED):
        op.execute(f"DROP FUNCTION {function}")
    for table in READ:
        op.execute(f"DROP POLICY of_claims ON {table}")
        op.execute(f"REVOKE SELECT ON {table} FROM tocsin_claims")
    for index, table in (
        ("report_letter_pending", "report_letter"), ("service_level_running", "service_level"),
        ("escalation_running", "escalation"), ("alert_event_open", "alert_event"),
    ):  # fmt: skip
        op.drop_index(index, table)
    op.drop_column("inbox", "queued_at")
    op.drop_table("synthetic")
    op.drop_table("progress")
