"""Reads one field of an alert at a time and says which is wrong, and why, in the sender's words."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from ingest.sources import _careful, _times
from ingest.sources._bad import Bad
from schemas.alert import Status

Tree = dict[str, Any]
#: Longer URLs are cut off somewhere on their way anyhow.
URL_BYTES = 4096
#: More is read by nobody; reading, sorting and hashing them would keep others waiting.
MAX_NAMES = 10_000
TOO_MANY = f"more than {MAX_NAMES} names; send what is looked at by people"
NO_LABELS = "at least one label pair required"


def tree(value: object) -> Tree:
    """Raises Bad unless it is a JSON object in which no key stands twice."""
    if not isinstance(value, dict):
        raise Bad("", "an alert must be a JSON object")
    if isinstance(value, _careful.Doubled):
        raise Bad(shown(value.name), "stands twice in this alert")
    return value


def text(alert: Tree, name: str) -> str:
    """A string, "" where it is missing or null; raises Bad."""
    value = alert.get(name)
    return "" if value is None else _clean(value, name)


def status(alert: Tree, name: str = "status") -> Status:
    """Raises Bad."""
    value = alert.get(name)
    if value not in ("firing", "resolved"):
        raise Bad(name, "must be firing or resolved")
    return cast(Literal["firing", "resolved"], value)


def moment(alert: Tree, name: str) -> datetime | None:
    """A moment, None where it is not set; raises Bad."""
    value = text(alert, name)
    if not value:
        return None
    try:
        return _times.utc(msgspec.convert(value, datetime), name)
    except msgspec.ValidationError:
        raise Bad(name, "must be a date and time as in RFC 3339") from None


def labels(alert: Tree, name: str = "labels") -> dict[str, str]:
    """Non-empty names with non-empty strings, at least one; raises Bad. Empty ones are dropped."""
    found = {key: value for key, value in pairs(alert, name).items() if value}
    if "" in found:
        raise Bad(name, "a label name must not be empty")
    if not found:
        raise Bad(name, NO_LABELS)
    return found


def pairs(alert: Tree, name: str) -> dict[str, str]:
    """Names and strings, none where it is missing or null; raises Bad."""
    value = alert.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Bad(name, "must be an object of strings")
    if len(value) > MAX_NAMES:
        raise Bad(name, TOO_MANY)
    if isinstance(value, _careful.Doubled):
        raise Bad(f"{name}.{shown(value.name)}", "stands twice")
    return {_clean(key, name): _clean(each, f"{name}.{shown(key)}") for key, each in value.items()}


def is_link(url: str) -> bool:
    """Whether a browser may follow it: http or https, and nothing that could end the attribute."""
    return (
        url[:8].lower().startswith(("http://", "https://"))
        and len(url) <= URL_BYTES
        and url.isprintable()
        and " " not in url
    )


def shown(name: str) -> str:
    """A name from outside, fit for an answer, a log and a text column."""
    return "".join(sign if sign.isprintable() else "?" for sign in name[:64])


def _clean(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise Bad(field, "must be a string")
    if "\0" in value:
        raise Bad(field, "must not contain the character U+0000")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Bad(field, "is not valid Unicode") from None
    return value
