"""When an acknowledged incident opens again, since when it is open, and which links were used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0013"
down_revision = "0012"


def _when(name: str, *, nullable: bool = True) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def upgrade() -> None:
    op.add_column("incident", _when("reopened_at"))
    op.add_column("incident", _when("reopens_at"))
    op.add_column(
        "incident", sa.Column("snoozed", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column("incident", sa.Column("handed_by", sa.Text))
    op.create_table(
        "link_use",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        sa.Column("delivery_id", sa.Uuid, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        _when("at", nullable=False),
        sa.PrimaryKeyConstraint("tenant", "delivery_id", "act"),
    )
    guards.protect("link_use", "SELECT, INSERT")


def downgrade() -> None:
    op.drop_table("link_use")
    for column in ("handed_by", "snoozed", "reopens_at", "reopened_at"):
        op.drop_column("incident", column)
