"""What policy documents are made of: durations, names, and parts in which no key is unknown."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.json_schema import WithJsonSchema

_LONGEST = timedelta(days=3650)
_DURATION = re.compile(
    r"(?:(\d{1,6})y)?(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,7})h)?"
    r"(?:(\d{1,8})m)?(?:(\d{1,9})s)?(?:(\d{1,12})ms)?",
    re.ASCII,
)
_UNITS = (
    timedelta(days=365),
    timedelta(weeks=1),
    timedelta(days=1),
    timedelta(hours=1),
    timedelta(minutes=1),
    timedelta(seconds=1),
    timedelta(milliseconds=1),
)


def parse_duration(text: object) -> timedelta:
    """Read a duration as Prometheus writes it, such as `30s` or `1h30m`; a day has 24 hours.

    Raises ValueError that says what is wrong.
    """
    if isinstance(text, timedelta):
        return text
    if text in (0, "0") and not isinstance(text, bool):
        return timedelta(0)
    if isinstance(text, int | float):
        raise ValueError(f"the duration {text} has no unit: write {text}s, {text}m or {text}h")
    found = _DURATION.fullmatch(text) if isinstance(text, str) and text else None
    if not found:
        raise ValueError(
            "not a duration: write it like 30s, 5m, 1h30m, 2d or 1w, largest unit first"
        )
    parts = zip(found.groups(default="0"), _UNITS, strict=True)
    total = sum((int(count) * unit for count, unit in parts), timedelta(0))
    if total > _LONGEST:
        raise ValueError("the duration is longer than ten years")
    return total


def say_duration(duration: timedelta) -> str:
    """A duration as `parse_duration` reads it, such as `1h30m`; parts of a millisecond are cut."""
    names = ("y", "w", "d", "h", "m", "s", "ms")
    text = ""
    for name, unit in zip(names, _UNITS, strict=True):
        count, duration = divmod(duration, unit)
        text += f"{count}{name}" if count else ""
    return text or "0s"


def _some(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("must be longer than 0s")
    return duration


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^0$|^(?=\d)(\d+y)?(\d+w)?(\d+d)?(\d+h)?(\d+m)?(\d+s)?(\d+ms)?$",
            "examples": ["30s", "5m", "1h30m", "2d"],
        }
    ),
]
#: A duration that is longer than nothing.
Span = Annotated[Duration, AfterValidator(_some)]
Label = Annotated[str, Field(min_length=1, max_length=1024)]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class Written(BaseModel):
    """A part of the document: nothing may stand there that is not foreseen."""

    model_config = ConfigDict(frozen=True, extra="forbid")
