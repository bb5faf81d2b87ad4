"""Escalations that run, what each of their steps did, whose turn it is, and pages to people."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from tocsin.storage.migrations import guards

revision = "0011"
down_revision = "0010"


def _when(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=nullable)


def _of_incident() -> list[sa.Column[object]]:
    return [
        sa.Column("tenant", sa.BigInteger, nullable=False),
        sa.Column("incident_id", sa.Uuid, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
    ]


def upgrade() -> None:
    op.create_table(
        "escalation", *_of_incident(),
        sa.Column("group_id", sa.Uuid, nullable=False), _text("receiver"), _text("chain"),
        _text("reason"), _text("severity"), _number("policy_version"), _number("generation"),
        _number("run"), _number("round"), _number("step"), _text("state"), _number("told"),
        _when("due_at", nullable=True), _when("began_at"), _when("ended_at", nullable=True),
        _text("cause", nullable=True), _number("alarmed", nullable=True),
        _number("shown", nullable=True),
        sa.Column("events", sa.ARRAY(sa.BigInteger), nullable=False), _when("events_since"),
        sa.PrimaryKeyConstraint("tenant", "incident_id", "name"),
    )  # fmt: skip
    op.create_table(
        "escalation_step", *_of_incident(), _number("generation"), _number("run"),
        _number("round"), _number("step"), _when("due_at"), _when("done_at"), _text("outcome"),
        _text("urgency"), sa.Column("notification_id", sa.Uuid), _text("detail"),
        sa.PrimaryKeyConstraint(
            "tenant", "incident_id", "name", "generation", "run", "round", "step"
        ),
    )  # fmt: skip
    op.create_table(
        "escalation_turn",
        sa.Column("tenant", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant", "name", "step"),
    )
    guards.protect("escalation", "SELECT, INSERT, UPDATE, DELETE")
    guards.protect("escalation_step", "SELECT, INSERT")
    guards.protect("escalation_turn", "SELECT, INSERT, UPDATE")
    op.add_column("delivery", sa.Column("person", sa.Text))
    op.add_column("delivery", sa.Column("facts", sa.Text))


def downgrade() -> None:
    op.drop_column("delivery", "facts")
    op.drop_column("delivery", "person")
    for table in ("escalation_turn", "escalation_step", "escalation"):
        op.drop_table(table)
