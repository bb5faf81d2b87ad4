"""Options that several nouns share, so that they are the same everywhere."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a result is written."""

    table = "table"
    json = "json"
    yaml = "yaml"


Output = Annotated[
    Format, typer.Option("--output", "-o", help="table for people, json or yaml for programs.")
]
Home = Annotated[
    Path | None,
    typer.Option(envvar="TOCSIN_HOME", help="The home of the installation on this host."),
]
Url = Annotated[
    str, typer.Option(envvar="TOCSIN_URL", help="Where Tocsin answers. Default: as in the home.")
]
Token = Annotated[
    str,
    typer.Option(
        envvar="TOCSIN_TOKEN", show_envvar=True, help="A token. Default: the one in the home."
    ),
]
Tenant = Annotated[str, typer.Option("--tenant", "-t", help="The tenant, as in `tenant list`.")]
Limit = Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="So many at most.")]
Note = Annotated[str, typer.Option("--note", help="What the others shall know.")]
