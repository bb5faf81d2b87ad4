"""Alerts that make others redundant."""

from __future__ import annotations

from sqlalchemy import Index
from sqlmodel import SQLModel

from tocsin.storage.tables.columns import line, many


class Inhibitor(SQLModel, table=True):
    """That an alert is a source of a rule. It inhibits while it fires, which the alert says."""

    __table_args__ = (Index("inhibitor_alert", "tenant", "fingerprint"),)
    tenant: int = many(primary_key=True)
    #: A digest of what the rule says.
    rule: str = line(primary_key=True)
    #: A digest of the values of the labels that must be equal.
    equals: str = line(primary_key=True)
    fingerprint: str = line(primary_key=True)
    #: It is a target of the rule as well.
    two_sided: bool
