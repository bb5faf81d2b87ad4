"""A body that is one JSON document of its sender's own making, numbers and all."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from ingest.sources import _batch, _careful
from tocsin.domain.expressions import values

#: The longest number that is read as one; int() refuses very long ones.
_DIGITS = 40


def document(body: bytes) -> Any:
    """The document. It takes more than JSON allows where single alerts can be told apart in it.

    Raises BadRequest, TooLarge.
    """
    _careful.limit(body)
    if body.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in body[:4]:
        raise _batch.not_alerts("the body must be UTF-8")
    body = body.removeprefix(b"\xef\xbb\xbf")
    if not body.strip(b" \t\r\n"):
        raise _batch.not_alerts("the body is empty")
    try:
        return msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _forgiving(body)


def _forgiving(body: bytes) -> Any:
    """Raw control characters, lone surrogates and NaN: whoever uses one says what is wrong."""
    text = body.decode("utf-8", "surrogateescape")
    try:
        return json.loads(
            text,
            strict=False,
            parse_int=_number,
            parse_float=_number,
            parse_constant=lambda _: None,
        )
    except json.JSONDecodeError as error:
        said = f"the body is not JSON: {error.msg} (character {error.pos})"
        raise _batch.not_alerts(said) from None
    except RecursionError:
        raise _batch.not_alerts("it is nested too deeply") from None


def _number(digits: str) -> int | float | None:
    """None for one that is too large to be anything."""
    if len(digits) > _DIGITS:
        return None
    found = values.number(digits)
    return found if found is not None and math.isfinite(found) else None
