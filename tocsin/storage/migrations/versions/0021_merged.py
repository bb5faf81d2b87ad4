"""What was merged into an incident is found without reading all of them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import text

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_index(
        "incident_merged",
        "incident",
        ["tenant", "merged_into"],
        postgresql_where=text("merged_into IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("incident_merged", "incident")
