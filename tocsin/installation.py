"""What an installation has beside its servers: keys, folders, the first tenant, its environment."""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tocsin
from tocsin import errors, homes
from tocsin.security import tokens
from tocsin.storage import migrate, tenants
from tocsin.storage.record import Record

FIRST_TENANT = "default"
#: These are the launcher's own; a child could do harm with them.
_NOT_FOR_CHILDREN = ("TOCSIN_OWNER_URL",)


@dataclass(frozen=True)
class Options:
    """What `tocsin up` was asked for."""

    home: Path = field(default_factory=homes.default)
    port: int = 8420
    host: str = "127.0.0.1"
    procfile: Path | None = None
    scale: str = ""

    @property
    def url(self) -> str:
        """Where this host reaches the web process."""
        everywhere = self.host in ("", "0.0.0.0", "::")
        return f"http://{'127.0.0.1' if everywhere else self.host}:{self.port}"

    @property
    def procfile_path(self) -> Path:
        return (self.procfile or Path(tocsin.__file__).parents[1] / "Procfile").absolute()


def prepare_database(database_url: str, owner_url: str, *, embedded: bool) -> str:
    """Migrate; returns the URL that the processes get. Raises SetupError.

    The embedded server gives them a login without rights, with a password of this start. On a
    server of the operator's own they use the login that was given, as other hosts may too.
    """
    if embedded:
        return migrate.prepare(owner_url)
    migrate.upgrade(owner_url or database_url)
    return database_url


def environment(
    options: Options, database_url: str, redis_url: str, base: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the children: ``base``, and what they need on top of it.

    What the operator set of the TOCSIN_ variables stays; the rest points into the home.
    """
    home = options.home
    env = basis(base)
    defaults = {
        "TOCSIN_MASTER_KEY_FILE": str(home / "secrets" / "master.key"),
        "TOCSIN_METRICS_TOKEN_FILE": str(home / "secrets" / "metrics.token"),
        "TOCSIN_POLICY_DIR": str(home / "policies"),
        "TOCSIN_SECRETS_DIR": str(home / "secrets" / "tenants"),
        "TOCSIN_PUBLIC_URL": options.url,
        "dramatiq_restart_delay": "500",
    }
    return (
        defaults
        | env
        | {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "TOCSIN_HOME": str(home),
            "HOST": options.host,
            "PORT": str(options.port),
            "INGEST_PORT": str(options.port + 1),
            # The venv first, for `python` and `uvicorn` where it was not activated.
            "PATH": os.pathsep.join(
                [str(Path(sys.executable).parent), env.get("PATH", "/usr/bin")]
            ),
        }
    )


def basis(base: Mapping[str, str]) -> dict[str, str]:
    """What a Python of ours must have in its environment from its start."""
    env = {name: value for name, value in base.items() if name not in _NOT_FOR_CHILDREN}
    # rq-scheduler reads cron lines in the zone of its process
    return env | {"PYTHONUNBUFFERED": "1", "TZ": "UTC"}


def make_secrets(home: Path) -> None:
    """The master key, the token for /metrics, and folders for policies and tenants' secrets."""
    key = home / "secrets" / "master.key"
    if not key.exists():
        homes.write_private(key, base64.b64encode(secrets.token_bytes(32)).decode() + "\n")
    homes.secret(home, "metrics.token")
    with homes.explained(home):
        for folder in (home / "policies", home / "secrets" / "tenants"):
            folder.mkdir(mode=0o700, exist_ok=True)


def first_tenant(home: Path, database_url: str) -> Path | None:
    """Make the tenant `default` and an admin token if there is no such tenant yet.

    Returns the file with the first admin token, if it still exists.
    """
    file = home / "admin.token"
    record = Record(database_url)
    try:
        with record.admin() as tx:
            try:
                tenants.find(tx, FIRST_TENANT)
            except errors.NotFound:
                tenant = tenants.create(tx, FIRST_TENANT, FIRST_TENANT)
                token = tokens.create(tx, tenant, "first admin", list(tokens.SCOPES))
                # Written before the commit: a token that nobody was told would be lost for good.
                homes.write_private(file, token + "\n")
    finally:
        record.close()
    return file if file.exists() else None


def note_environment(options: Options, env: Mapping[str, str]) -> None:
    """Write <home>/run/env.json, by which commands on this host find the installation."""
    ours = {
        name: value
        for name, value in env.items()
        if name.startswith("TOCSIN_")
        or name in ("DATABASE_URL", "REDIS_URL", "PORT", "INGEST_PORT")
    }
    known: dict[str, str | int] = {
        "url": options.url,
        "database_url": env["DATABASE_URL"],
        "redis_url": env["REDIS_URL"],
        "home": str(options.home),
        "pid": os.getpid(),
    }
    text = json.dumps({**known, "environment": ours}, indent=2)
    homes.write_private(options.home / "run" / "env.json", text + "\n")
