"""Secrets that a policy names and never holds: fields `x_file` and `x_env`, and where they lead."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from tocsin import errors

#: The name of a file below <secrets_dir>/<tenant>/.
SecretFile = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")] | None
#: NAME stands for the environment variable TOCSIN_SECRET_<TENANT>__<NAME>.
SecretEnv = (
    Annotated[str, Field(pattern=r"^[A-Za-z0-9]+([_-][A-Za-z0-9]+)*$", max_length=80)] | None
)

_SECRET_BYTES = 64 * 1024
_TENANT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_TELLTALE = ("xox", "whsec_", "SG.", "Bearer ", "http:", "https:")


class WithSecrets(BaseModel):
    """A part of a policy that may name secrets."""

    # A validation error is shown to people and logged: it must not repeat what was put in.
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    #: Secrets without which it cannot work.
    REQUIRED: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def secrets(cls) -> tuple[str, ...]:
        """The names x for which there are fields ``x_file`` and ``x_env``."""
        fields = cls.model_fields
        names = (name.removesuffix("_file") for name in fields if name.endswith("_file"))
        return tuple(name for name in names if f"{name}_env" in fields)

    @model_validator(mode="before")
    @classmethod
    def _never_inline(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for name in cls.secrets():
            if name in data and name not in cls.model_fields:
                raise ValueError(
                    f"{name} is a secret and may not stand in the policy itself. Write it into a"
                    f" file and give the file's name as {name}_file, or use {name}_env."
                )
            given = str(data.get(f"{name}_file") or data.get(f"{name}_env") or "")
            if given.startswith(_TELLTALE):
                raise ValueError(
                    f"{name}_file and {name}_env take the name of the secret, but this looks like"
                    " the secret itself."
                )
        return data

    @model_validator(mode="after")
    def _one_place(self) -> WithSecrets:
        for name in self.secrets():
            places = (getattr(self, f"{name}_file"), getattr(self, f"{name}_env"))
            if all(places):
                raise ValueError(f"give either {name}_file or {name}_env, not both")
            if name in self.REQUIRED and not any(places):
                raise ValueError(f"give {name}_file or {name}_env")
        return self


def resolve(
    settings: WithSecrets,
    tenant: str,
    secrets_dir: Path | None,
    environ: Mapping[str, str] = os.environ,
) -> dict[str, str]:
    """Read the secrets that ``settings`` names, from places that belong to ``tenant`` alone.

    Raises ``Permanent`` (configError) that says what to do where one is not there.
    """
    found = {}
    for name in settings.secrets():
        if file := getattr(settings, f"{name}_file"):
            found[name] = _from_file(f"{name}_file", file, tenant, secrets_dir)
        elif variable := getattr(settings, f"{name}_env"):
            found[name] = _from_environment(f"{name}_env", variable, tenant, environ)
    return found


def _from_file(option: str, name: str, tenant: str, secrets_dir: Path | None) -> str:
    if secrets_dir is None:
        raise _missing(f"{option}: {name} needs a folder of secrets. Set TOCSIN_SECRETS_DIR.")
    if not _TENANT.fullmatch(tenant):
        raise _missing(f"{option} cannot be used by a tenant with this name.")
    folder = secrets_dir.resolve() / tenant
    # Kubernetes mounts secrets as symbolic links, so links are followed - but never out.
    path = (folder / name).resolve()
    if Path(name).name != name or not path.is_relative_to(folder):
        raise _missing(f"{option}: {name} is not a file of this tenant.")
    try:
        with path.open("rb") as file:
            value = file.read(_SECRET_BYTES).decode().strip()
    except (OSError, UnicodeDecodeError):
        value = ""
    if not value:
        raise _missing(
            f"{option}: {name} could not be read. Write the secret, as text, into {tenant}/{name}"
            " below TOCSIN_SECRETS_DIR, readable for the user that runs Tocsin."
        )
    return value


def _from_environment(option: str, name: str, tenant: str, environ: Mapping[str, str]) -> str:
    # Two underscores between the two names, and none inside of a tenant's: with one, the secret
    # c of tenant a-b would be the secret b-c of tenant a.
    if not _TENANT.fullmatch(tenant):
        raise _missing(f"{option} cannot be used by a tenant with this name.")
    variable = f"TOCSIN_SECRET_{tenant}__{name}".upper().replace("-", "_")
    value = environ.get(variable, "").strip()
    if not value:
        raise _missing(f"{option}: {name} is not set. Set {variable} where Tocsin is started.")
    return value


def _missing(text: str) -> errors.Permanent:
    return errors.Permanent(text, reason="configError")
