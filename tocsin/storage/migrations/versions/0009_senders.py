"""What a policy says of senders lies beside each version, for the ingest."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("config_version", sa.Column("senders", sa.Text))


def downgrade() -> None:
    op.drop_column("config_version", "senders")
