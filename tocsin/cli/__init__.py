"""The command `tocsin`; each file of this folder adds a command or a noun with commands."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer.core import TyperGroup

from tocsin import plugins
from tocsin.errors import TocsinError


class _Group(TyperGroup):
    """Shows an error that we raised on purpose as one message, without a traceback."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except TocsinError as error:
            print(f"error: {error.message}", file=sys.stderr)
            raise typer.Exit(1) from error


app = typer.Typer(
    name="tocsin",
    help="An alert hub that runs on your own machine.",
    cls=_Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _module in plugins.load("tocsin.cli", required=("register",)).values():
    _module.register(app)
