"""Clocks of service levels, and the reports: what is made when, what was made, who gets it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0015"
down_revision = "0014"


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _tenant(*, key: bool = True) -> sa.Column[int]:
    return sa.Column("tenant", sa.BigInteger, primary_key=key, autoincrement=False)


def upgrade() -> None:
    op.create_table(
        "service_level",
        _tenant(),
        sa.Column("incident_id", sa.Uuid, primary_key=True),
        sa.Column("clock", sa.Text, primary_key=True),
        sa.Column("target", sa.Text, nullable=False),
        sa.Column("services", sa.ARRAY(sa.Text), nullable=False),
        sa.Column("policy_version", sa.Integer, nullable=False),
        _when("started_at"),
        _when("due_at", nullable=True),
        _when("stopped_at", nullable=True),
        _when("breached_at", nullable=True),
        sa.Column("breaches", sa.Integer, nullable=False),
        _when("warned_at", nullable=True),
        sa.Column("told", sa.Text),
    )
    op.create_index(
        "service_level_breached", "service_level", ["tenant", "breached_at"],
        postgresql_where=sa.text("breached_at IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "report_schedule",
        _tenant(),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("plan", sa.Text, nullable=False),
        _when("next_run_at"),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("error", sa.Text),
    )
    op.create_table(
        "report",
        _tenant(),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("schedule", sa.Text),
        _when("starts_at"),
        _when("ends_at"),
        sa.Column("zone", sa.Text, nullable=False),
        sa.Column("locale", sa.Text, nullable=False),
        sa.Column("policy_version", sa.Integer),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("html", sa.LargeBinary, nullable=False),
        sa.Column("csv", sa.LargeBinary, nullable=False),
        _when("created_at"),
    )
    # A lost tick, a double one, two workers: one report for each time of each series.
    op.create_index(
        "report_once", "report", ["tenant", "schedule", "starts_at", "ends_at"], unique=True,
        postgresql_where=sa.text("schedule IS NOT NULL"),
    )  # fmt: skip
    op.create_table(
        "report_letter",
        _tenant(),
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("report_id", sa.Uuid, nullable=False),
        sa.Column("address", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("in_doubt", sa.Boolean, nullable=False),
        sa.Column("cause", sa.Text),
        _when("created_at"),
        _when("finished_at", nullable=True),
    )
    op.create_index("report_letter_report", "report_letter", ["tenant", "report_id"])
    guards.protect("service_level", "SELECT, INSERT, UPDATE, DELETE")
    guards.protect("report_schedule", "SELECT, INSERT, UPDATE, DELETE")
    # What was reported stays what it was.
    guards.protect("report", "SELECT, INSERT")
    guards.protect("report_letter", "SELECT, INSERT, UPDATE")


def downgrade() -> None:
    for table in ("report_letter", "report", "report_schedule", "service_level"):
        op.drop_table(table)
