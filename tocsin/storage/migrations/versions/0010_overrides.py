"""Who stands in for whom on call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "schedule_override",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("schedule", sa.Text, nullable=False),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("starts_at <= ends_at", name="schedule_override_lasts"),
    )
    op.create_index("schedule_override_ends", "schedule_override", ["tenant", "ends_at"])
    # Who was on call is not written anew: an override can be ended, nothing else.
    guards.protect("schedule_override", "SELECT, INSERT, UPDATE (ended_at)")


def downgrade() -> None:
    op.drop_table("schedule_override")
