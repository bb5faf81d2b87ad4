"""Before something is kept quiet: what it hits, and a question where that is critical or much."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer

from tocsin import errors
from tocsin.cli import _output

#: More alerts than these are asked about.
MUCH = 50

Override = Annotated[
    bool, typer.Option("--override", help="Go beyond the guard of the policy (scope admin).")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]


def ask(found: dict[str, Any]) -> None:
    """Show a preview; where nobody can answer, the yes must have been said beforehand."""
    _output.say(
        f"matches {found['firing']} of {found['in_all']} alerts that fire,"
        f" {found['critical']} critical; {found['last_day']['alerts']} in the last day"
    )
    warn(found)
    if not found["critical"] and found["firing"] <= MUCH and found["complete"]:
        return
    if not sys.stdin.isatty():
        raise errors.BadRequest("look at what it hits, and give --yes if that is what you want")
    typer.confirm("Keep them quiet?", abort=True, err=True)


def warn(found: dict[str, Any]) -> None:
    """What to think of, and what the guard has against it."""
    for said in (*found["warnings"], *(each["detail"] for each in found["refused"])):
        _output.say(f"! {said}")
