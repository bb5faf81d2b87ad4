"""The few kinds of columns that the record is made of."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ARRAY, BigInteger, Column, DateTime, Double, Identity
from sqlalchemy import LargeBinary as Bytes
from sqlalchemy import Text as SqlText
from sqlmodel import Field


def when(**options: Any) -> Any:
    """A moment in time, always with its zone."""
    nullable = options.pop("nullable", False)
    return Field(sa_column=Column(DateTime(timezone=True), nullable=nullable, **options))


def words(**options: Any) -> Any:
    return Field(sa_column=Column(ARRAY(SqlText), **{"nullable": False, **options}))


def many(**options: Any) -> Any:
    return Field(sa_column=Column(BigInteger, **{"nullable": False, **options}))


def line(**options: Any) -> Any:
    return Field(sa_column=Column(SqlText, **{"nullable": False, **options}))


def sealed(**options: Any) -> Any:
    """Bytes that only the tenant's key opens (tocsin.security.crypto)."""
    return Field(sa_column=Column(Bytes, **{"nullable": False, **options}))


def fraction() -> Any:
    return Field(sa_column=Column(Double, nullable=False))


def serial() -> Any:
    return Field(sa_column=Column(BigInteger, Identity(always=True), primary_key=True))


def numbers(**options: Any) -> Any:
    return Field(sa_column=Column(ARRAY(BigInteger), **{"nullable": False, **options}))
