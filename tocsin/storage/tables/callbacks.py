"""What providers told us: the posts that count only once, and the addresses that want silence."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import SQLModel

from tocsin.storage.tables.columns import line, many, when


class CallbackNonce(SQLModel, table=True):
    """A post that was acted on; the same one again is no news."""

    __tablename__ = "callback_nonce"
    __table_args__ = (Index("callback_nonce_at", "at"),)
    tenant: int = many(primary_key=True)
    channel: str = line(primary_key=True)
    nonce: str = line(primary_key=True)
    at: datetime = when()


class RefusedAddress(SQLModel, table=True):
    """Somebody said STOP: nothing is sent there until they say START."""

    __tablename__ = "refused_address"
    tenant: int = many(primary_key=True)
    channel: str = line(primary_key=True)
    address: str = line(primary_key=True)
    since: datetime = when()
