"""What is known of the ways to people."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, when


class Contact(SQLModel, table=True):
    """One way to a person, as long as the address is the one of the digest."""

    tenant: int = many(primary_key=True)
    person: str = line(primary_key=True)
    channel: str = line(primary_key=True)
    address_hash: str = line()
    #: Confirmed with a code; and when it last answered or a message arrived.
    verified_at: datetime | None = when(nullable=True)
    seen_at: datetime | None = when(nullable=True)
    code_hash: str | None = line(nullable=True)
    code_sent_at: datetime | None = when(nullable=True)
    #: Wrong guesses at this code.
    tries: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
