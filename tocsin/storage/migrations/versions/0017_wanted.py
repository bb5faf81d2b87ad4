"""When a delivery was meant to go out, which no retry changes: lateness is measured from there."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("wanted_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("delivery", "wanted_at")
