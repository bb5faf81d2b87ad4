"""What rules remember, so that windows survive restarts."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import SQLModel

from tocsin.storage.tables.columns import line, many, when


class RuleState(SQLModel, table=True):
    """One rule and one key: an alert, or a combination of label values."""

    __tablename__ = "rule_state"
    __table_args__ = (
        Index("rule_state_rule", "tenant", "rule"),
        Index("rule_state_raised", "tenant", "raised", postgresql_where=text("raised IS NOT NULL")),
    )
    tenant: int = many(primary_key=True)
    #: A fingerprint, or "by:" and a hash of the values.
    key: str = line(primary_key=True)
    #: The hash of all that the rule says: a changed rule is another one.
    rule: str = line(primary_key=True)
    #: tocsin.domain.windows.State as JSON.
    state: str = line()
    #: The fingerprint of the alert that stands raised.
    raised: str | None = line(nullable=True)
    due_at: datetime | None = when(nullable=True)
    updated_at: datetime = when()
