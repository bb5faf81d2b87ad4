"""Tenants, their keys, tokens and policies, and the proof of who did what."""

from __future__ import annotations

import uuid
from datetime import datetime

from sqlmodel import Field, SQLModel

from tocsin.storage.tables.columns import line, many, sealed, serial, when, words


class Tenant(SQLModel, table=True):
    id: int = serial()
    slug: str = line(unique=True)
    name: str = line()
    policy_version: int | None = None
    #: Why the newest document on disk was refused; NULL when all is well.
    policy_problem: str | None = line(nullable=True)
    #: The hash of the policy file that was taken last: it is taken again when it changes.
    policy_file: str | None = line(nullable=True)
    created_at: datetime = when()


class TenantKey(SQLModel, table=True):
    __tablename__ = "tenant_key"
    tenant: int = many(primary_key=True)
    id: int = many(primary_key=True)
    wrapped: bytes = sealed()
    created_at: datetime = when()


class Token(SQLModel, table=True):
    tenant: int = many(primary_key=True)
    id: uuid.UUID = Field(primary_key=True)
    name: str = line()
    hash: bytes = sealed(unique=True)
    scopes: list[str] = words()
    created_at: datetime = when()
    created_by: str = line()
    revoked_at: datetime | None = when(nullable=True)


class Sitting(SQLModel, table=True):
    """Somebody who signed in to the pages with a token, until the token or the time is over."""

    tenant: int = many(primary_key=True)
    hash: bytes = sealed(primary_key=True, unique=True)
    token: uuid.UUID
    created_at: datetime = when()
    expires_at: datetime = when()


class ConfigVersion(SQLModel, table=True):
    __tablename__ = "config_version"
    tenant: int = many(primary_key=True)
    version: int = Field(primary_key=True)
    document: str = line()
    author: str = line()
    created_at: datetime = when()
    #: What the ingest must know of it, as JSON; NULL: nothing.
    senders: str | None = line(nullable=True)


class Audit(SQLModel, table=True):
    """Acts of people, tokens and configuration, each chained to the one before."""

    tenant: int = many(primary_key=True)
    seq: int = many(primary_key=True)
    at: datetime = when()
    actor: str = line()
    act: str = line()
    subject: str = line()
    detail: str = line()
    prev: bytes = sealed()
    hash: bytes = sealed()
