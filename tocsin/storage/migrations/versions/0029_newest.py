"""The list of alerts begins with the newest: it reads an index instead of sorting all of them.

What fires has one of its own: few fire among millions that are over, and people ask for them most.

Revision ID: 0029
Revises: 0028
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

ORDER = ["tenant", "starts_at", "fingerprint"]


def upgrade() -> None:
    op.create_index("alert_newest", "alert", ORDER)
    op.create_index("alert_firing", "alert", ORDER, postgresql_where=sa.text("status = 'firing'"))


def downgrade() -> None:
    op.drop_index("alert_firing", "alert")
    op.drop_index("alert_newest", "alert")
