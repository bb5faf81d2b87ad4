"""What providers tell us: posts that were acted on, and addresses that want silence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0007"
down_revision = "0006"

FORGET = """
CREATE FUNCTION forget_nonces(p_before timestamptz) RETURNS int
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
  WITH gone AS (DELETE FROM callback_nonce WHERE at < p_before RETURNING 1)
  SELECT count(*)::int FROM gone
$$;
"""


def upgrade() -> None:
    op.create_table(
        "callback_nonce",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("nonce", sa.Text, primary_key=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("callback_nonce_at", "callback_nonce", ["at"])
    op.create_table(
        "refused_address",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("address", sa.Text, primary_key=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    # The application may not forget a post, or a replay of it would count.
    guards.protect("callback_nonce", "SELECT, INSERT", "SELECT, DELETE")
    guards.protect("refused_address", "SELECT, INSERT, DELETE")
    op.execute(FORGET)
    guards.expose(["forget_nonces(timestamptz)"])


def downgrade() -> None:
    op.execute("DROP FUNCTION forget_nonces(timestamptz)")
    op.drop_table("refused_address")
    op.drop_table("callback_nonce")
