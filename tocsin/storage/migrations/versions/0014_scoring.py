"""Anomaly scores: models, what is remembered of streams, scores, and what people say of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0014"
down_revision = "0013"

FUNCTIONS = r"""
-- What waits to be scored, oldest first; taken out in the transaction that stores the scores.
CREATE FUNCTION claim_scores(p_limit int) RETURNS SETOF score_waiting
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  DELETE FROM score_waiting w USING (
    SELECT x.tenant, x.id FROM score_waiting x ORDER BY x.id LIMIT p_limit FOR UPDATE SKIP LOCKED
  ) mine WHERE w.tenant = mine.tenant AND w.id = mine.id RETURNING w.*
$$;

-- A claim of the training: whoever dies over it leaves it to the next after ten minutes.
CREATE FUNCTION claim_training() RETURNS SETOF scoring
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  UPDATE scoring s SET train_at = tocsin_now() + interval '10 minutes'
  FROM (SELECT x.tenant FROM scoring x WHERE x.train_at <= tocsin_now()
        ORDER BY x.train_at LIMIT 1 FOR UPDATE SKIP LOCKED) mine
  WHERE s.tenant = mine.tenant RETURNING s.*
$$;
"""
CALLABLE = ("claim_scores(int)", "claim_training()")
EVERYTHING = "SELECT, INSERT, UPDATE, DELETE"


def upgrade() -> None:
    op.create_table(
        "scoring",
        _tenant(),
        sa.Column("active", sa.BigInteger),
        sa.Column("crowd", sa.Text),
        sa.Column("train_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("problem", sa.Text),
    )
    op.create_table(
        "score_stream",
        _tenant(),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        postgresql_with={"fillfactor": 70},
    )
    op.create_table(
        "score_waiting",
        _tenant(),
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("events", sa.ARRAY(sa.BigInteger), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "alert_score",
        _tenant(),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("event", sa.BigInteger, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double),
        sa.Column("anomaly", sa.Boolean, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("reasons", sa.Text),
        sa.Column("model", sa.BigInteger),
        sa.Column("scored_at", sa.DateTime(timezone=True), nullable=False),
        postgresql_with={"fillfactor": 80},
    )
    op.create_table(
        "score_feedback",
        _tenant(),
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("event", sa.BigInteger, primary_key=True),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.Column("note", sa.Text),
        sa.Column("author", sa.Text, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "model",
        _tenant(),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("detector", sa.Text, nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("feedback", sa.BigInteger, nullable=False),
        sa.Column("libraries", sa.Text, nullable=False),
        sa.Column("blob", sa.LargeBinary, nullable=False),
        sa.Column("mac", sa.LargeBinary, nullable=False),
    )
    guards.protect("scoring", EVERYTHING, "SELECT, UPDATE")
    guards.protect("score_waiting", "SELECT, INSERT, DELETE", "SELECT, UPDATE, DELETE")
    for table in ("score_stream", "alert_score", "score_feedback", "model"):
        guards.protect(table, EVERYTHING)
    op.execute(FUNCTIONS)
    guards.expose(CALLABLE)


def _tenant() -> sa.Column[int]:
    return sa.Column("tenant", sa.BigInteger, primary_key=True)


def downgrade() -> None:
    for function in CALLABLE:
        op.execute(f"DROP FUNCTION {function}")
    for table in ("model", "score_feedback", "alert_score", "score_waiting", "score_stream",
                  "scoring"):  # fmt: skip
        op.drop_table(table)
