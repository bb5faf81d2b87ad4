"""An incident has one or more groups."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0005"
down_revision = "0004"

#: Each group is in the newest of its incidents and has left those before it.
FILL = """
INSERT INTO incident_group (tenant, incident_id, group_id, joined_at, left_at, reason, confidence,
  detail, facts)
SELECT tenant, id, group_id, opened_at,
  lead(opened_at) OVER (PARTITION BY tenant, group_id ORDER BY opened_at, id),
  'opened', 1, '{}', '{}' FROM incident
"""


def upgrade() -> None:
    op.add_column("incident", sa.Column("gained_at", sa.DateTime(timezone=True)))
    op.add_column("incident", sa.Column("merged_into", sa.Uuid))
    op.add_column("told", sa.Column("severity", sa.Text))
    op.add_column(
        "told", sa.Column("carried", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.create_table(
        "incident_group",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        sa.Column("incident_id", sa.Uuid, nullable=False),
        sa.Column("group_id", sa.Uuid, nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "incident_id", "group_id"),
    )
    op.execute(FILL)
    op.execute("UPDATE incident SET gained_at = opened_at")
    op.create_index(
        "incident_group_current", "incident_group", ["tenant", "group_id"], unique=True,
        postgresql_where=sa.text("left_at IS NULL"),
    )  # fmt: skip
    op.create_index(
        "incident_gaining", "incident", ["tenant", "gained_at"],
        postgresql_where=sa.text("state <> 'resolved'"),
    )  # fmt: skip
    op.create_index("delivery_incident", "delivery", ["tenant", "incident_id"])
    # A group that was split off leaves behind an incident that it founded.
    op.drop_index("incident_open", "incident")
    guards.protect("incident_group", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.create_index(
        "incident_open", "incident", ["tenant", "group_id"], unique=True,
        postgresql_where=sa.text("state <> 'resolved'"),
    )  # fmt: skip
    op.drop_index("delivery_incident", "delivery")
    op.drop_index("incident_gaining", "incident")
    op.drop_table("incident_group")
    for name in ("carried", "severity"):
        op.drop_column("told", name)
    for name in ("merged_into", "gained_at"):
        op.drop_column("incident", name)
