"""What enrichment and rules add to an alert, and what a provider says became of a message."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("alert", sa.Column("added", sa.Text))
    op.add_column("alert", sa.Column("ruled", sa.Text))
    op.add_column("delivery", sa.Column("provider_id", sa.Text))
    op.add_column("delivery", sa.Column("receipt", sa.Text))
    op.add_column("delivery", sa.Column("receipt_at", sa.DateTime(timezone=True)))
    op.create_index(
        "delivery_provider", "delivery", ["tenant", "channel", "provider_id"],
        postgresql_where=sa.text("provider_id IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("delivery_provider", "delivery")
    for name in ("receipt_at", "receipt", "provider_id"):
        op.drop_column("delivery", name)
    for name in ("ruled", "added"):
        op.drop_column("alert", name)
