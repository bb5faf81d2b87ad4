"""Reading what a command is given: a file, or - for standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from tocsin import errors


def read(file: str, encoding: str = "utf-8") -> str:
    """The text. Raises BadRequest that says why it cannot be read."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding=encoding)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise errors.BadRequest(f"{file} cannot be read: {reason}") from error
