"""Ways to people that were confirmed, or were seen alive."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "contact",
        sa.Column("tenant", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("person", sa.Text, primary_key=True),
        sa.Column("channel", sa.Text, primary_key=True),
        sa.Column("address_hash", sa.Text, nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True)),
        sa.Column("seen_at", sa.DateTime(timezone=True)),
        sa.Column("code_hash", sa.Text),
        sa.Column("code_sent_at", sa.DateTime(timezone=True)),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    )
    guards.protect("contact", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    op.drop_table("contact")
