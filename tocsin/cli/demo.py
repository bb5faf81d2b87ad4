"""`tocsin demo`: see it at work, with fake providers, in a throw-away installation."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin.errors import SetupError


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    seconds: Annotated[
        float | None,
        typer.Option(
            envvar="DEMO_SECONDS", min=5,
            help="End after about so long and write demo-summary.json. Default: at Ctrl-C.",
        ),
    ] = None,
    home: Annotated[
        Path | None,
        typer.Option(help="Keep all data in this new folder. Default: nothing is kept."),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65534, help="Default: 8420, or another if it is taken.")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(hidden=True, help="Write the screen in the storm as SVG.")
    ] = None,
) -> None:  # fmt: skip
    """See it at work: a day, a storm, providers that fail, and the proof that nothing is lost.

    Needs nothing: database, queue and the receivers of the messages are started for it and go with
    it. No message leaves this machine. Exit status 0: nothing was lost.
    """
    # Here, so that `tocsin --help` need not load the database driver.
    from tocsin.demo import run

    try:
        status = run.run(seconds, home, port, picture)
    except SetupError as error:
        print(f"error: {error.message}", file=sys.stderr)
        raise typer.Exit(2) from error
    raise typer.Exit(status)
