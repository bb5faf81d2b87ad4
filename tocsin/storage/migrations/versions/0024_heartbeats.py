"""What must be heard again and again, when nothing could be heard, and ends that are owed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0024"
down_revision = "0023"

_MOMENTS = (
    "gone_at", "last_at", "success_at", "failed_at", "started_at", "paused_at", "resumed_at",
    "down_since",
)  # fmt: skip
_TEXTS = ("last_kind", "last_from", "last_agent", "paused_by", "cause", "told")


def upgrade() -> None:
    op.create_table(
        "heartbeat",
        sa.Column("tenant", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("pings", sa.BigInteger(), nullable=False, server_default="0"),
        *(sa.Column(name, sa.DateTime(timezone=True)) for name in _MOMENTS),
        *(sa.Column(name, sa.Text()) for name in _TEXTS),
        sa.Column("last_status", sa.BigInteger()),
        sa.Column("message", sa.LargeBinary()),
        sa.Column("took", sa.BigInteger()),
        sa.PrimaryKeyConstraint("tenant", "name"),
    )
    op.create_index("heartbeat_id", "heartbeat", ["tenant", "id"], unique=True)
    guards.protect("heartbeat", "SELECT, INSERT, UPDATE")
    op.create_table(
        "hearing",
        sa.Column("one", sa.Boolean(), nullable=False),
        sa.Column("heard_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deaf_since", sa.DateTime(timezone=True)),
        sa.Column("deaf_until", sa.DateTime(timezone=True)),
        sa.CheckConstraint("one", name="hearing_one"),
        sa.PrimaryKeyConstraint("one"),
    )
    op.execute("GRANT SELECT, INSERT, UPDATE ON hearing TO tocsin_app")
    op.add_column("told", sa.Column("held", sa.ARRAY(sa.Text), nullable=False, server_default="{}"))


def downgrade() -> None:
    op.drop_column("told", "held")
    op.drop_table("hearing")
    op.drop_table("heartbeat")
