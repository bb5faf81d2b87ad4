"""Circuits of destinations, deliveries that stand in for others, claims that came to nothing."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0019"
down_revision = "0018"

# A delivery that was claimed twice without a result may be what kills its workers: it is claimed
# by those who have nothing else in their hands, or by anybody once it has waited for long. In
# p_busy a destination has enough of this process's threads.
FUNCTIONS = r"""
CREATE FUNCTION claim_deliveries(p_queue text, p_channel text, p_limit int, p_lease interval,
                                 p_busy text[], p_suspects boolean)
RETURNS SETOF delivery
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE delivery SET state = 'sending', fence = fence + 1, attempts = attempts + 1,
         claims = claims + 1, held = false,
         in_doubt = delivery.in_doubt OR delivery.state = 'sending',
         lease_until = tocsin_now() + p_lease, due_at = tocsin_now() + p_lease
  FROM (SELECT d.tenant AS tenant, d.id AS id FROM delivery d
        WHERE d.queue = p_queue AND d.channel = p_channel AND d.state IN ('pending', 'sending')
          AND d.due_at <= tocsin_now() AND NOT (d.tenant || ' ' || d.destination) = ANY(p_busy)
          AND (p_suspects OR d.claims < 2 OR d.due_at < tocsin_now() - interval '30 seconds')
          AND (d.state = 'sending' OR NOT EXISTS (
                SELECT 1 FROM delivery s WHERE s.tenant = d.tenant AND s.group_id = d.group_id
                  AND s.integration = d.integration AND s.state = 'sending'))
        ORDER BY d.due_at LIMIT p_limit FOR UPDATE SKIP LOCKED) mine
  WHERE delivery.tenant = mine.tenant AND delivery.id = mine.id
  RETURNING delivery.*
$$;

-- What a dead process held: its connection is gone, or the note is older than any transaction.
CREATE FUNCTION recover_work(p_age interval) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
  n bigint;
BEGIN
  WITH gone AS (
    DELETE FROM work_note w WHERE w.subjects <> '{}' AND (w.noted_at < now() - p_age
      OR NOT EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid = w.backend))
    RETURNING w.kind, w.tenants, w.subjects),
  lost AS (
    SELECT DISTINCT u.tenant, gone.kind, u.subject
    FROM gone, unnest(gone.tenants, gone.subjects) AS u (tenant, subject))
  INSERT INTO suspect (tenant, kind, subject, deaths, at)
  SELECT tenant, kind, subject, 1, tocsin_now() FROM lost ORDER BY tenant, kind, subject
  ON CONFLICT (tenant, kind, subject) DO UPDATE SET deaths = suspect.deaths + 1, at = excluded.at;
  GET DIAGNOSTICS n = ROW_COUNT;
  RETURN n;
END $$;
"""
CALLABLE = (
    "claim_deliveries(text, text, int, interval, text[], boolean)", "recover_work(interval)",
)  # fmt: skip


def upgrade() -> None:
    _tables()
    op.add_column("delivery", _claims())
    op.add_column("delivery", sa.Column("held", sa.Boolean, nullable=False, server_default="false"))
    op.add_column("delivery", sa.Column("step_until", sa.DateTime(timezone=True)))
    op.add_column("delivery", sa.Column("gave_over_at", sa.DateTime(timezone=True)))
    op.add_column("delivery", sa.Column("instead_of", sa.Uuid))
    op.add_column("delivery", sa.Column("instead", sa.Text))
    op.create_index(
        "delivery_instead", "delivery", ["tenant", "notification_id", "integration"], unique=True,
        postgresql_where=sa.text("instead_of IS NOT NULL"),
    )  # fmt: skip
    op.create_index(
        "delivery_held", "delivery", ["tenant", "channel", "destination"],
        postgresql_where=sa.text("held"),
    )  # fmt: skip
    guards.protect("circuit", "SELECT, INSERT, UPDATE, DELETE")
    guards.protect("suspect", "SELECT, DELETE", "SELECT, INSERT, UPDATE")
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON work_note TO tocsin_app")
    op.execute("GRANT SELECT, DELETE ON work_note TO tocsin_claims")
    op.execute(FUNCTIONS)
    guards.expose(CALLABLE)


def _claims() -> sa.Column[int]:
    return sa.Column("claims", sa.Integer, nullable=False, server_default="0")


def _tables() -> None:
    op.create_table(
        "circuit",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("destination", sa.Text, primary_key=True),
        sa.Column("failures", sa.Integer, nullable=False, server_default="0"),
        sa.Column("probes", sa.Integer, nullable=False, server_default="0"),
        sa.Column("since", sa.DateTime(timezone=True)),
        sa.Column("opened_at", sa.DateTime(timezone=True)),
        sa.Column("probe_at", sa.DateTime(timezone=True)),
        sa.Column("cause", sa.Text),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "suspect",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("deaths", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "work_note",
        sa.Column("worker", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("backend", sa.Integer, nullable=False),
        sa.Column("tenants", sa.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("subjects", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("noted_at", sa.DateTime(timezone=True), nullable=False),
        prefixes=["UNLOGGED"],
    )


def downgrade() -> None:
    for function in CALLABLE:
        op.execute(f"DROP FUNCTION {function}")
    op.drop_index("delivery_held", "delivery")
    op.drop_index("delivery_instead", "delivery")
    for column in ("instead", "instead_of", "gave_over_at", "step_until", "held", "claims"):
        op.drop_column("delivery", column)
    for table in ("work_note", "suspect", "circuit"):
        op.drop_table(table)
