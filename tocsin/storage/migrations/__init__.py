"""Alembic's scripts; expand first, contract a release later."""
