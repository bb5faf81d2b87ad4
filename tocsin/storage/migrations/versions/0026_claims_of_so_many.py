"""Claims that take as many as they were asked for, whatever the plan.

`UPDATE ... FROM (SELECT ... LIMIT 1 FOR UPDATE SKIP LOCKED)` may become a nested loop that runs the
inner query for each row of the table, each time with another row as its answer: a claim of one then
takes all that is due. The planner does this where the table was small when it was last analysed.

Revision ID: 0026
Revises: 0025
"""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

DELIVERY_SET = """state = 'sending', fence = fence + 1, attempts = attempts + 1,
         claims = claims + 1, held = false,
         in_doubt = delivery.in_doubt OR delivery.state = 'sending',
         lease_until = tocsin_now() + p_lease, due_at = tocsin_now() + p_lease"""
DELIVERY_DUE = """SELECT d.tenant AS tenant, d.id AS id FROM delivery d
        WHERE d.queue = p_queue AND d.channel = p_channel AND d.state IN ('pending', 'sending')
          AND d.due_at <= tocsin_now() AND NOT (d.tenant || ' ' || d.destination) = ANY(p_busy)
          AND (p_suspects OR d.claims < 2 OR d.due_at < tocsin_now() - interval '30 seconds')
          AND (d.state = 'sending' OR NOT EXISTS (
                SELECT 1 FROM delivery s WHERE s.tenant = d.tenant AND s.group_id = d.group_id
                  AND s.integration = d.integration AND s.state = 'sending'))
        ORDER BY d.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED"""
LOOKUP_DUE = """SELECT l.tenant AS tenant, l.enricher AS enricher, l.key AS key FROM lookup l
        WHERE l.due_at <= tocsin_now() AND NOT (l.tenant || ' ' || l.host) = ANY(p_busy)
        ORDER BY l.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED"""
SCORES_DUE = """SELECT x.tenant, x.id FROM score_waiting x
        ORDER BY x.id LIMIT p_limit FOR UPDATE SKIP LOCKED"""
TRAINING_DUE = """SELECT x.tenant FROM scoring x WHERE x.train_at <= tocsin_now()
        ORDER BY x.train_at LIMIT 1 FOR UPDATE SKIP LOCKED"""

#: {head} is where a common table expression goes, which is run once; {due} stands after FROM.
FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION claim_deliveries(p_queue text, p_channel text, p_limit int,
    p_lease interval, p_busy text[], p_suspects boolean) RETURNS SETOF delivery
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  {{delivery_head}} UPDATE delivery SET {DELIVERY_SET} FROM {{delivery}} mine
  WHERE delivery.tenant = mine.tenant AND delivery.id = mine.id
  RETURNING delivery.*
$$;
CREATE OR REPLACE FUNCTION claim_lookups(p_limit int, p_lease interval, p_busy text[])
RETURNS SETOF lookup
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  {{lookup_head}} UPDATE lookup SET fence = fence + 1, attempts = attempts + 1,
    due_at = tocsin_now() + p_lease FROM {{lookup}} mine
  WHERE lookup.tenant = mine.tenant AND lookup.enricher = mine.enricher AND lookup.key = mine.key
  RETURNING lookup.*
$$;
CREATE OR REPLACE FUNCTION claim_scores(p_limit int) RETURNS SETOF score_waiting
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  {{scores_head}} DELETE FROM score_waiting w USING {{scores}} mine
  WHERE w.tenant = mine.tenant AND w.id = mine.id RETURNING w.*
$$;
CREATE OR REPLACE FUNCTION claim_training() RETURNS SETOF scoring
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  {{training_head}} UPDATE scoring s SET train_at = tocsin_now() + interval '10 minutes'
  FROM {{training}} mine WHERE s.tenant = mine.tenant RETURNING s.*
$$;
"""
DUE = {
    "delivery": DELIVERY_DUE, "lookup": LOOKUP_DUE, "scores": SCORES_DUE, "training": TRAINING_DUE,
}  # fmt: skip


def upgrade() -> None:
    once = {f"{name}_head": f"WITH picked AS MATERIALIZED ({sql})" for name, sql in DUE.items()}
    op.execute(FUNCTIONS.format(**once, **dict.fromkeys(DUE, "picked")))


def downgrade() -> None:
    inline = {name: f"({sql})" for name, sql in DUE.items()}
    op.execute(FUNCTIONS.format(**{f"{name}_head": "" for name in DUE}, **inline))
