"""Which alerts that fire make others redundant, under the keys by which those ask."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "inhibitor",
        sa.Column("tenant", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("equals", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("two_sided", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "rule", "equals", "fingerprint"),
    )
    op.create_index("inhibitor_alert", "inhibitor", ["tenant", "fingerprint"])
    # UPDATE is what a shared lock needs; nothing of a row ever changes.
    guards.protect("inhibitor", "SELECT, INSERT, UPDATE, DELETE")


def downgrade() -> None:
    op.drop_table("inhibitor")
