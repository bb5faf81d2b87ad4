"""The labels of a stored alert as routes, groups, silences and people see them."""

from __future__ import annotations

from typing import Any

import orjson

from tocsin.domain import change


def of(row: dict[str, Any]) -> dict[str, str]:
    """Effective labels of a row with the columns labels, added and ruled."""
    return change.effective(orjson.loads(row["labels"]), pairs(row["added"]), pairs(row["ruled"]))


def value(alert: str, name: str) -> str:
    """SQL: what a row of the table alert, under this name, calls the label; '' where it is gone."""
    columns = (f"{alert}.{column}::json ->> {name}" for column in ("ruled", "added", "labels"))
    return f"coalesce({', '.join(columns)})"


def pairs(text: str | None) -> dict[str, str]:
    """A column of names and values; NULL is none."""
    found: dict[str, str] = orjson.loads(text) if text else {}
    return found
