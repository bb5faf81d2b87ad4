"""Runs the migrations on the connection that tocsin.storage.migrate hands over."""

from __future__ import annotations

from alembic import context
from sqlmodel import SQLModel

from tocsin.storage import tables  # noqa: F401 - fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
)
with context.begin_transaction():
    context.run_migrations()
