"""Who is signed in to the pages: only hashes, and gone as soon as the token is."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0016"
down_revision = "0015"

FUNCTIONS = """
-- Who is this? Access fails closed: ended, expired and of a revoked token look the same.
CREATE FUNCTION sitting_lookup(p_hash bytea)
RETURNS TABLE (tenant bigint, slug text, token uuid, name text, scopes text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT k.tenant, t.slug, k.id, k.name, k.scopes FROM sitting s
  JOIN token k ON k.tenant = s.tenant AND k.id = s.token
  JOIN tenant t ON t.id = k.tenant
  WHERE s.hash = p_hash AND s.expires_at > tocsin_now() AND k.revoked_at IS NULL
$$;
"""


def upgrade() -> None:
    op.create_table(
        "sitting",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("hash", sa.LargeBinary, primary_key=True),
        sa.Column("token", sa.Uuid, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.UniqueConstraint("hash"),
    )
    guards.protect("sitting", "SELECT, INSERT, DELETE", "SELECT")
    op.create_index("timeline_newest", "timeline", ["tenant", "id"])
    op.execute(FUNCTIONS)
    guards.expose(["sitting_lookup(bytea)"])


def downgrade() -> None:
    op.execute("DROP FUNCTION sitting_lookup(bytea)")
    op.drop_index("timeline_newest", table_name="timeline")
    op.drop_table("sitting")
