"""Storms: so many new alerts that they are told together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0023"
down_revision = "0022"


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _key(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.Uuid, nullable=False)


def upgrade() -> None:
    op.create_table(
        "storm_meter",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        _moment("at"),
        sa.Column("level", sa.Double, nullable=False),
        _moment("loud_at", nullable=True),
        _moment("since", nullable=True),
        sa.Column("alerts", sa.BigInteger, nullable=False),
        sa.Column("labels", sa.Text, nullable=False, server_default="[]"),
        sa.PrimaryKeyConstraint("tenant"),
    )
    op.create_table(
        "storm",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        _key("id"),
        _moment("began_at"),
        _moment("ended_at", nullable=True),
        sa.Column("ended_by", sa.Text),
        _moment("digest_at", nullable=True),
        _moment("closed_at", nullable=True),
        _moment("due_at"),
        sa.Column("incident_id", sa.Uuid),
        _moment("since", nullable=True),
        sa.Column("alerts", sa.BigInteger, nullable=False),
        sa.Column("labels", sa.Text, nullable=False, server_default="[]"),
        sa.PrimaryKeyConstraint("tenant", "id"),
    )
    op.create_index(
        "storm_open", "storm", ["tenant"], unique=True, postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_index(
        "storm_left", "storm", ["tenant"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index("storm_incident", "storm", ["tenant", "incident_id"])
    op.create_table(
        "storm_group",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        _key("storm_id"),
        _key("group_id"),
        sa.Column("alerts", sa.BigInteger, nullable=False),
        _moment("passed_at", nullable=True),
        _moment("promoted_at", nullable=True),
        sa.Column("promoted_by", sa.Text),
        sa.PrimaryKeyConstraint("tenant", "storm_id", "group_id"),
    )
    op.create_table(
        "storm_told",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        _key("storm_id"),
        sa.Column("receiver", sa.Text, nullable=False),
        _key("group_id"),
        _moment("told_at"),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("alerts", sa.BigInteger, nullable=False),
        sa.Column("shown", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "storm_id", "receiver"),
    )
    for table in ("storm_meter", "storm", "storm_group", "storm_told"):
        guards.protect(table, "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    for table in ("storm_told", "storm_group", "storm", "storm_meter"):
        op.drop_table(table)
