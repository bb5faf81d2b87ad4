"""Row-level security, and the few functions that look across tenants."""

from __future__ import annotations

from alembic import op

from tocsin.storage.migrations import guards

revision = "0002"
down_revision = "0001"

#: What the application may do with each table. What nobody may change cannot be changed by a bug.
GRANTS = {
    "alert": "SELECT, INSERT, UPDATE, DELETE",
    "alert_event": "SELECT, INSERT, UPDATE",
    "alert_group": "SELECT, INSERT, UPDATE",
    "alert_label": "SELECT, INSERT, DELETE",
    "audit": "SELECT, INSERT",
    "config_version": "SELECT, INSERT",
    "counter": "SELECT",
    "delivery": "SELECT, INSERT, UPDATE",
    "delivery_attempt": "SELECT, INSERT",
    "group_member": "SELECT, INSERT, UPDATE, DELETE",
    "inbox": "SELECT, INSERT, UPDATE, DELETE",
    "incident": "SELECT, INSERT, UPDATE",
    "intake": "SELECT, INSERT",
    "notification": "SELECT, INSERT",
    "quarantine": "SELECT, INSERT, UPDATE",
    "silence": "SELECT, INSERT, UPDATE",
    "tally": "SELECT, INSERT",
    "tenant": "SELECT, UPDATE",
    "tenant_key": "SELECT, INSERT",
    "timeline": "SELECT, INSERT",
    "timer": "SELECT, INSERT, UPDATE, DELETE",
    "token": "SELECT, INSERT, UPDATE",
    "told": "SELECT, INSERT, UPDATE",
}

#: What the cross-tenant functions may touch, and nothing else.
CLAIMS = {
    "alert_group": "SELECT, UPDATE",
    "counter": "SELECT, INSERT, UPDATE",
    "delivery": "SELECT, UPDATE",
    "drain_note": "SELECT, DELETE",
    "inbox": "SELECT, UPDATE, DELETE",
    "tally": "SELECT, UPDATE, DELETE",
    "tenant": "SELECT, INSERT",
    "timer": "SELECT, UPDATE",
    "token": "SELECT",
}

PARTITIONED = ("intake", "alert_event", "delivery_attempt")

FUNCTIONS = r"""
CREATE FUNCTION tocsin_now() RETURNS timestamptz LANGUAGE sql STABLE AS $$
  SELECT now() + make_interval(secs => seconds) FROM clock_offset
$$;

-- Who is this? Access fails closed: revoked and unknown look the same.
CREATE FUNCTION token_lookup(p_hash bytea)
RETURNS TABLE (tenant bigint, slug text, token uuid, name text, scopes text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT k.tenant, t.slug, k.id, k.name, k.scopes FROM token k JOIN tenant t ON t.id = k.tenant
  WHERE k.hash = p_hash AND k.revoked_at IS NULL
$$;

CREATE FUNCTION tenant_list() RETURNS TABLE (id bigint, slug text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT id, slug FROM tenant ORDER BY id
$$;

CREATE FUNCTION tenant_create(p_slug text, p_name text) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  INSERT INTO tenant (slug, name, created_at) VALUES (p_slug, p_name, tocsin_now()) RETURNING id
$$;

-- Takes inbox rows of one stage out of the inbox, in the transaction of their effect. Each tenant
-- that waits gets an equal share of p_alerts, its urgent rows first, so that a flood cannot starve
-- a neighbour. p_suspects: only rows that were in hands that failed; they stay apart from others.
CREATE FUNCTION claim_inbox(p_stage text, p_alerts int, p_rows int, p_suspects boolean)
RETURNS TABLE (tenant bigint, id bigint, alerts int, received_at timestamptz, intake_id bigint,
               events bigint[], own text, attempts smallint, traceparent text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  waiting bigint[];
  one bigint;
  quota int;
  room int := p_rows;
  taken int;
  fair int;
BEGIN
  WITH RECURSIVE hop AS (
    (SELECT i.tenant FROM inbox i WHERE i.stage = p_stage ORDER BY i.tenant LIMIT 1)
    UNION ALL
    SELECT (SELECT i.tenant FROM inbox i WHERE i.stage = p_stage AND i.tenant > hop.tenant
            ORDER BY i.tenant LIMIT 1) FROM hop WHERE hop.tenant IS NOT NULL)
  SELECT array_agg(hop.tenant ORDER BY random()) INTO waiting FROM hop WHERE hop.tenant IS NOT NULL;
  quota := greatest(1, p_alerts / greatest(1, coalesce(cardinality(waiting), 1)));
  fair := greatest(1, p_rows / greatest(1, coalesce(cardinality(waiting), 1)));
  FOREACH one IN ARRAY coalesce(waiting, '{}') LOOP
    RETURN QUERY
    WITH locked AS (
      SELECT i.id, i.alerts, i.urgent FROM inbox i
      WHERE i.stage = p_stage AND i.tenant = one AND (i.attempts > 0) = p_suspects
      ORDER BY i.urgent DESC, i.id LIMIT least(quota, room, fair)
      FOR UPDATE SKIP LOCKED),
    share AS (
      SELECT w.id FROM (SELECT l.id, sum(l.alerts) OVER (ORDER BY l.urgent DESC, l.id) - l.alerts
                        AS before FROM locked l) w WHERE w.before < quota)
    DELETE FROM inbox i WHERE i.tenant = one AND i.id = ANY(ARRAY(SELECT s.id FROM share s))
    RETURNING i.tenant, i.id, i.alerts, i.received_at, i.intake_id, i.events, i.own, i.attempts,
              i.traceparent;
    GET DIAGNOSTICS taken = ROW_COUNT;
    room := room - taken;
    EXIT WHEN room <= 0;
  END LOOP;
END $$;

-- Counts one more try for the rows that a drain held when it failed or died.
CREATE FUNCTION suspect_inbox(p_ids bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE inbox SET attempts = attempts + 1
  WHERE id = ANY(ARRAY(SELECT id FROM inbox WHERE id = ANY(p_ids) ORDER BY id FOR UPDATE))
$$;

-- Notes of drains that ended without saying so: their process died. p_age is longer than any
-- transaction may last.
CREATE FUNCTION recover_notes(p_age interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  lost bigint[];
BEGIN
  WITH gone AS (DELETE FROM drain_note WHERE noted_at < now() - p_age AND ids <> '{}' RETURNING ids)
  SELECT array_agg(x) INTO lost FROM gone, unnest(gone.ids) AS x;
  PERFORM suspect_inbox(coalesce(lost, '{}'));
  RETURN coalesce(cardinality(lost), 0);
END $$;

-- Locks groups whose flush is due, of each tenant in turn. The group row is the mutex; the timer
-- is read again under it.
CREATE FUNCTION claim_groups(p_limit int) RETURNS TABLE (tenant bigint, group_id uuid)
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT g.tenant, g.id FROM (
    SELECT t.tenant, t.subject, row_number() OVER (PARTITION BY t.tenant ORDER BY t.due_at) AS turn
    FROM timer t WHERE t.kind = 'flush' AND t.due_at <= tocsin_now()) due
  JOIN alert_group g ON g.tenant = due.tenant AND g.id = due.subject::uuid
  ORDER BY due.turn LIMIT p_limit FOR UPDATE OF g SKIP LOCKED
$$;

-- Timers that are due, without a lock: whoever acts on one locks its subject first and looks again,
-- because a drain holds subjects before it touches their timers.
CREATE FUNCTION due_timers(p_kind text, p_limit int)
RETURNS TABLE (tenant bigint, subject text, due_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT t.tenant, t.subject, t.due_at FROM timer t
  WHERE t.kind = p_kind AND t.due_at <= tocsin_now() ORDER BY t.due_at LIMIT p_limit
$$;

-- The lease, the fence and "sending" in one commit. Nothing of a line is begun while another of
-- the same line is on its way; a destination in p_busy has enough of this process's threads.
CREATE FUNCTION claim_deliveries(p_queue text, p_channel text, p_limit int, p_lease interval,
                                 p_busy text[])
RETURNS SETOF delivery
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE delivery SET state = 'sending', fence = fence + 1, attempts = attempts + 1,
         in_doubt = delivery.in_doubt OR delivery.state = 'sending',
         lease_until = tocsin_now() + p_lease, due_at = tocsin_now() + p_lease
  FROM (SELECT d.tenant AS tenant, d.id AS id FROM delivery d
        WHERE d.queue = p_queue AND d.channel = p_channel AND d.state IN ('pending', 'sending')
          AND d.due_at <= tocsin_now() AND NOT (d.tenant || ' ' || d.destination) = ANY(p_busy)
          AND (d.state = 'sending' OR NOT EXISTS (
                SELECT 1 FROM delivery s WHERE s.tenant = d.tenant AND s.group_id = d.group_id
                  AND s.integration = d.integration AND s.state = 'sending'))
        ORDER BY d.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED) mine
  WHERE delivery.tenant = mine.tenant AND delivery.id = mine.id
  RETURNING delivery.*
$$;

-- What is due and may never have been told to anybody, and when the next thing falls due.
CREATE FUNCTION due_work() RETURNS TABLE (work text, queue text, oldest timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT i.stage, 'inbox', min(i.received_at) FROM inbox i GROUP BY i.stage
  UNION ALL
  SELECT t.kind, 'timer', min(t.due_at) FROM timer t WHERE t.due_at <= tocsin_now() GROUP BY t.kind
  UNION ALL
  SELECT d.channel, d.queue, min(d.due_at) FROM delivery d
  WHERE d.state IN ('pending', 'sending') AND d.due_at <= tocsin_now() GROUP BY d.channel, d.queue
$$;

CREATE FUNCTION next_due() RETURNS timestamptz
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT least((SELECT min(due_at) FROM timer WHERE due_at > tocsin_now()),
               (SELECT min(due_at) FROM delivery
                WHERE state IN ('pending', 'sending') AND due_at > tocsin_now()))
$$;

CREATE FUNCTION fold_tallies() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (DELETE FROM tally WHERE (tenant, id) IN
                (SELECT tenant, id FROM tally ORDER BY tenant, id LIMIT 20000
                 FOR UPDATE SKIP LOCKED)
                RETURNING tenant, name, labels, value)
  INSERT INTO counter (tenant, name, labels, value)
  SELECT tenant, name, labels, sum(value) FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
  ON CONFLICT (tenant, name, labels) DO UPDATE SET value = counter.value + excluded.value
$$;

-- All counters with what is not folded yet; for the operator's /metrics.
CREATE FUNCTION all_counters() RETURNS TABLE (slug text, name text, labels text, value float8)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT t.slug, c.name, c.labels, sum(c.value) FROM (
    SELECT tenant, name, labels, value FROM counter
    UNION ALL SELECT tenant, name, labels, value FROM tally) c
  JOIN tenant t ON t.id = c.tenant GROUP BY 1, 2, 3 ORDER BY 2, 1, 3
$$;

CREATE FUNCTION delivery_states() RETURNS TABLE (channel text, state text, n bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT channel, state, count(*) FROM delivery
  WHERE state IN ('pending', 'sending', 'dead') GROUP BY 1, 2 ORDER BY 1, 2
$$;
"""

#: These change the schema, so they run as the owner.
OWNER_FUNCTIONS = r"""
CREATE FUNCTION make_partitions(p_from date, p_days int) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  parent text;
  day date;
  name text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['intake', 'alert_event', 'delivery_attempt'] LOOP
    FOR day IN SELECT p_from + n FROM generate_series(0, p_days - 1) AS n LOOP
      name := parent || '_' || to_char(day, 'YYYYMMDD');
      CONTINUE WHEN to_regclass(name) IS NOT NULL;
      BEGIN
        EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', name, parent,
                       day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
      EXCEPTION WHEN check_violation THEN
        NULL; -- the DEFAULT partition has caught rows of that day and keeps it
      END;
    END LOOP;
  END LOOP;
END $$;

CREATE FUNCTION drop_partitions(p_before date) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  gone text;
  n int := 0;
BEGIN
  FOR gone IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      JOIN pg_class p ON p.oid = i.inhparent
      WHERE p.relname IN ('intake', 'alert_event', 'delivery_attempt')
        AND c.relname ~ '_\d{8}$' AND to_date(right(c.relname, 8), 'YYYYMMDD') < p_before LOOP
    EXECUTE format('DROP TABLE %I', gone);
    n := n + 1;
  END LOOP;
  RETURN n;
END $$;
"""

CALLABLE = (
    "token_lookup(bytea)", "tenant_list()", "tenant_create(text, text)",
    "claim_inbox(text, int, int, boolean)", "suspect_inbox(bigint[])", "recover_notes(interval)",
    "claim_groups(int)", "due_timers(text, int)",
    "claim_deliveries(text, text, int, interval, text[])", "due_work()", "next_due()",
    "fold_tallies()", "all_counters()", "delivery_states()",
)  # fmt: skip
OWNED = ("make_partitions(date, int)", "drop_partitions(date)")


def upgrade() -> None:
    op.execute("CREATE SEQUENCE intake_id")
    op.execute("GRANT USAGE ON SEQUENCE intake_id TO tocsin_app")
    op.execute("INSERT INTO clock_offset (singleton, seconds) VALUES (true, 0)")
    op.execute("ALTER TABLE clock_offset ADD CHECK (singleton)")
    op.execute("GRANT SELECT ON clock_offset TO tocsin_app, tocsin_claims")
    op.execute("ALTER TABLE intake ALTER body SET STORAGE EXTERNAL")
    for parent in PARTITIONED:
        op.execute(f"CREATE TABLE {parent}_default PARTITION OF {parent} DEFAULT")
    for table, rights in GRANTS.items():
        guards.protect(table, rights, CLAIMS.get(table, ""))
    op.execute("GRANT SELECT ON alembic_version TO tocsin_app")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON drain_note TO tocsin_app")
    op.execute(f"GRANT {CLAIMS['drain_note']} ON drain_note TO tocsin_claims")
    op.execute(FUNCTIONS)
    op.execute(OWNER_FUNCTIONS)
    guards.expose(CALLABLE)
    for function in OWNED:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO tocsin_app")
    op.execute("SELECT make_partitions((now() AT TIME ZONE 'UTC')::date - 1, 9)")


def downgrade() -> None:
    for function in (*CALLABLE, *OWNED, "tocsin_now()"):
        op.execute(f"DROP FUNCTION {function}")
    for table in GRANTS:
        for policy in ("of_tenant", "of_owner", "of_claims"):
            op.execute(f"DROP POLICY IF EXISTS {policy} ON {table}")
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
    op.execute("DROP SEQUENCE intake_id")
