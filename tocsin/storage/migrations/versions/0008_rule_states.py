"""What rules remember of alerts over time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "rule_state",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("raised", sa.Text),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "key", "rule"),
    )
    op.create_index("rule_state_rule", "rule_state", ["tenant", "rule"])
    op.create_index(
        "rule_state_raised", "rule_state", ["tenant", "raised"],
        postgresql_where=sa.text("raised IS NOT NULL"),
    )  # fmt: skip
    guards.protect("rule_state", "SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    op.drop_table("rule_state")
