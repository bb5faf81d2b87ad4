"""The application without its own filters: what then still keeps tenants apart is the database."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tocsin.storage.record import Transaction

_NAMED = re.compile(r"\b(?:\w+\.)?tenant\s*=\s*%\(tenant\)s")
_PLACED = re.compile(r"\b(?:\w+\.)?tenant\s*=\s*%s")
_LISTED = re.compile(r"\b(?:\w+\.)?tenant\s*=\s*ANY\s*\(\s*%s\s*\)")


def opened(sql: str) -> str:
    """The statement, in which each condition on the tenant is true whoever it is."""
    # The value still has to go somewhere.
    sql = _LISTED.sub("(%s::bigint[] IS NOT NULL)", sql)
    return _PLACED.sub("(%s::bigint IS NOT NULL)", _NAMED.sub("true", sql))


def open_all(patch: pytest.MonkeyPatch) -> list[str]:
    """From here on no statement asks for the tenant; returns those that would have."""
    seen: list[str] = []
    for name in ("rows", "row", "run", "many"):
        _open(patch, name, seen)
    return seen


def _open(patch: pytest.MonkeyPatch, name: str, seen: list[str]) -> None:
    real = getattr(Transaction, name)

    def asked(tx: Transaction, sql: Any, *args: Any, **more: Any) -> Any:
        if not isinstance(sql, str):
            sql = sql.as_string(tx.conn)
        text = opened(sql)
        if text != sql:
            seen.append(sql)
        return real(tx, text, *args, **more)

    patch.setattr(Transaction, name, asked)
