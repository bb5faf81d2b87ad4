"""Escalations: the one that an incident goes through, its steps, and whose turn it is."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, numbers, when


class Escalation(SQLModel, table=True):
    """An escalation of an incident, frozen when it began; who is on call is asked at each step."""

    __table_args__ = (
        Index(
            "escalation_running",
            "tenant",
            "incident_id",
            postgresql_where=text("state = 'running'"),
        ),
    )
    tenant: int = many(primary_key=True)
    incident_id: uuid.UUID = Field(primary_key=True)
    name: str = line(primary_key=True)
    #: The line of its pages, and the receiver whose alerts began it.
    group_id: uuid.UUID
    receiver: str = line()
    #: The steps as they were, as JSON.
    chain: str = line()
    #: Why it began: the reason of its first page. How bad its incident was then.
    reason: str = line()
    severity: str = line()
    policy_version: int
    #: The incident's; a step of an older one is not begun.
    generation: int
    #: How often it began; a step runs once for each generation, run and round.
    run: int
    round: int
    #: The index of the step that comes next.
    step: int
    #: running, stopped, exhausted
    state: str = line()
    #: How many steps of this run have told somebody.
    told: int
    due_at: datetime | None = when(nullable=True)
    began_at: datetime = when()
    ended_at: datetime | None = when(nullable=True)
    cause: str | None = line(nullable=True)
    #: The generation whose end without an answer an alarm tells of, until somebody acts.
    alarmed: int | None = None
    #: The generation whose state those who were paged have been shown.
    shown: int | None = None
    #: Changes of alerts that its next step tells of.
    events: list[int] = numbers()
    events_since: datetime = when()


class EscalationStep(SQLModel, table=True):
    """A step that ran: the proof that it ran once, and the story."""

    __tablename__ = "escalation_step"
    tenant: int = many(primary_key=True)
    incident_id: uuid.UUID = Field(primary_key=True)
    name: str = line(primary_key=True)
    generation: int = Field(primary_key=True)
    run: int = Field(primary_key=True)
    round: int = Field(primary_key=True)
    step: int = Field(primary_key=True)
    due_at: datetime = when()
    done_at: datetime = when()
    #: told, skipped
    outcome: str = line()
    urgency: str = line()
    notification_id: uuid.UUID | None = None
    #: Who was told by what, and who was not and why, as JSON.
    detail: str = line()


class EscalationTurn(SQLModel, table=True):
    """Whose turn it is in a step that goes round."""

    __tablename__ = "escalation_turn"
    tenant: int = many(primary_key=True)
    name: str = line(primary_key=True)
    step: int = Field(primary_key=True)
    turn: int
