"""Silences with care, maintenance windows, and which policy file was taken last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0004"
down_revision = "0003"


def columns() -> list[sa.Column[object]]:
    return [
        sa.Column("kind", sa.Text, server_default="silence", nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("until_resolved", sa.Boolean, server_default="false", nullable=False),
        sa.Column("overridden", sa.Boolean, server_default="false", nullable=False),
        sa.Column("version", sa.Integer, server_default="1", nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True)),
        sa.Column("updated_by", sa.Text),
        sa.Column("ended_by", sa.Text),
    ]


def upgrade() -> None:
    for column in columns():
        op.add_column("silence", column)
    op.create_table(
        "silence_held",
        sa.Column("tenant", sa.BigInteger(), nullable=False),
        sa.Column("silence", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "silence", "fingerprint"),
    )
    guards.protect("silence_held", "SELECT, INSERT, DELETE")
    op.add_column("tenant", sa.Column("policy_file", sa.Text))


def downgrade() -> None:
    op.drop_column("tenant", "policy_file")
    op.drop_table("silence_held")
    for column in reversed(columns()):
        op.drop_column("silence", column.name)
