"""What shall not be told for a while: silences, maintenance windows, and what they held back."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, when, words


class Silence(SQLModel, table=True):
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    matchers: list[str] = words()
    starts_at: datetime = when()
    ends_at: datetime = when()
    comment: str = line()
    created_by: str = line()
    created_at: datetime = when()
    #: silence, maintenance
    kind: str = line(server_default="silence")
    #: Of a maintenance window.
    name: str | None = line(nullable=True)
    #: It ends by itself when all that it held back is over.
    until_resolved: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    #: An admin made it over the guard of the policy.
    overridden: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    #: Raised by each edit, so that two editors do not overwrite each other.
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    updated_at: datetime | None = when(nullable=True)
    updated_by: str | None = line(nullable=True)
    #: Who ended it before its time; NULL: nobody.
    ended_by: str | None = line(nullable=True)


class SilenceHeld(SQLModel, table=True):
    """The alerts that a silence held back which is to end with them."""

    __tablename__ = "silence_held"
    tenant: int = many(primary_key=True)
    silence: uuid.UUID = Field(primary_key=True)
    fingerprint: str = line(primary_key=True)
    held_at: datetime = when()
