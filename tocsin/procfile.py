"""Reads a Procfile: one process per line, `name: command`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from tocsin.errors import SetupError

_LINE = re.compile(r"([A-Za-z0-9_-]+)\s*:\s*(\S.*)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))")


def parse(text: str) -> dict[str, str]:
    """Names and commands in the order in which they stand. Raises SetupError with the line."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise SetupError(f"Procfile, line {number}: expected `name: command`, not {line!r}")
        name, command = match.groups()
        if name in found:
            raise SetupError(f"Procfile, line {number}: there are two processes called {name!r}")
        found[name] = command
    if not found:
        raise SetupError("the Procfile names no process")
    return found


def read(path: Path) -> dict[str, str]:
    """Like `parse`, for a file."""
    try:
        return parse(path.read_text())
    except OSError as error:
        raise SetupError(f"cannot read the Procfile {path}: {error.strerror}") from error


def arguments(command: str, env: Mapping[str, str]) -> list[str]:
    """The words of ``command`` with ``$NAME``, ``${NAME}`` and ``${NAME:-default}`` filled in.

    No shell runs it: a shell between us and the process would get our signals instead of it.
    Raises SetupError for an unknown variable.
    """
    return [_VARIABLE.sub(lambda match: _value(match, env), word) for word in shlex.split(command)]


def scale(text: str, names: Mapping[str, str]) -> dict[str, int]:
    """``page=2,scoring=0`` as numbers; processes that are not named run once."""
    counts = dict.fromkeys(names, 1)
    for part in filter(None, text.split(",")):
        name, _, number = part.strip().partition("=")
        if name not in counts or not number.isdecimal():
            raise SetupError(
                f"--scale wants name=number with a name of {', '.join(names)}; not {part!r}"
            )
        counts[name] = int(number)
    return counts


def _value(match: re.Match[str], env: Mapping[str, str]) -> str:
    braced, default, bare = match.groups()
    value = env.get(braced or bare) or default
    if value is None:
        raise SetupError(f"the Procfile uses ${braced or bare}, which is not set")
    return value
