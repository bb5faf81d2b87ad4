"""Where the installation is: its record and its address, from the environment or from its home."""

from __future__ import annotations

import getpass
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tocsin import errors, homes
from tocsin.config import settings
from tocsin.storage import tenants
from tocsin.storage.record import Record, Transaction


def environment(home: Path | None) -> dict[str, Any]:
    """What the running installation of this home wrote about itself; empty if there is none."""
    file = (home or homes.default()).expanduser() / "run" / "env.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise errors.SetupError(
            f"{file} cannot be read ({type(error).__name__}): run this as the user who runs Tocsin"
        ) from error
    return found if isinstance(found, dict) else {}


def operator() -> str:
    """Who works at this command line, for the audit."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


@contextmanager
def record(home: Path | None) -> Iterator[Record]:
    """The record of this installation. Raises SetupError where none is named."""
    url = settings.load().database_url or environment(home).get("database_url", "")
    if not url:
        raise errors.SetupError(
            "no installation is known here: start one with `tocsin up`, name its home with --home,"
            " or set DATABASE_URL"
        )
    opened = Record(str(url), size=1)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def tenant(home: Path | None, slug: str) -> Iterator[tuple[Transaction, int]]:
    """A transaction in which only this tenant exists, and its id. Raises NotFound."""
    with record(home) as held, held.claims() as tx:
        found = tenants.find(tx, slug)
        tx.scope([found])
        yield tx, found


def master_key(home: Path | None) -> Path | None:
    """The file with the master key of this installation."""
    return settings.load().master_key_file or _noted(home, "TOCSIN_MASTER_KEY_FILE")


def secrets_dir(home: Path | None) -> Path | None:
    """The folder with the tenants' secrets of this installation."""
    return settings.load().secrets_dir or _noted(home, "TOCSIN_SECRETS_DIR")


def _noted(home: Path | None, variable: str) -> Path | None:
    noted = environment(home).get("environment", {}).get(variable)
    return Path(noted) if noted else None
