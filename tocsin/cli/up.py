"""`tocsin up`: the whole installation in one command."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tocsin import homes
from tocsin.errors import SetupError


def register(app: typer.Typer) -> None:
    app.command("up")(up)


def up(
    home: Annotated[
        Path | None,
        typer.Option(
            envvar="TOCSIN_HOME",
            help="Where data, keys and logs are. Default: /var/lib/tocsin as root, "
            "~/.local/share/tocsin otherwise.",
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=1, max=65534, help="Web and API; the next higher one: ingest alone.")
    ] = 8420,
    host: Annotated[
        str, typer.Option(envvar="HOST", help="The address to listen on.")
    ] = "127.0.0.1",
    procfile: Annotated[Path | None, typer.Option(help="Default: the one of Tocsin.")] = None,
    scale: Annotated[
        str, typer.Option(help="How many of each process: name=number,...", metavar="NAME=N,...")
    ] = "",
) -> None:
    """Start everything, keep it running, stop it in good order at Ctrl-C or SIGTERM.

    PostgreSQL is started too unless DATABASE_URL is set, and Valkey unless REDIS_URL is.
    """
    # Here, so that `tocsin --help` need not load the database driver.
    from tocsin import launch

    def ready(supervisor: launch.Supervisor) -> None:
        line = f"ready {options.url}"
        if supervisor.token_file is not None:
            line += f"  first admin token: {supervisor.token_file}"
        print(line, flush=True)

    place = (home or homes.default()).expanduser().absolute()
    options = launch.Options(place, port, host, procfile, scale)
    try:
        launch.run(options, ready=ready)
    except SetupError as error:
        print(f"error: {error.message}", file=sys.stderr)
        raise typer.Exit(2) from error
