"""Reload: a policy file that changed is put in force; a broken one is refused and said so."""

from __future__ import annotations

from pathlib import Path

import structlog

import channels
from actors import _runtime, _work
from tocsin import errors
from tocsin.config import documents
from tocsin.security import audit
from tocsin.storage import policies, tenants
from workers import queues

log = structlog.get_logger(__name__)

#: What each file held when it was last looked at: a version applied by hand stays until it changes.
_seen: dict[Path, str] = {}


@_work.actor("reload", queues.BACKGROUND)
def reload(queue: str) -> bool:
    """Look at all files of the folder of policies."""
    here = _runtime.here()
    folder = here.settings.policy_dir
    for path in sorted(folder.glob("*.yml")) if folder and folder.is_dir() else ():
        text = _read(path)
        if text is not None and _seen.get(path) != text and _take(here, path, text):
            _seen[path] = text
    return False


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        log.warning("policy file cannot be read", file=path.name, error=str(error))
        return None


def _take(here: _runtime.Runtime, path: Path, text: str) -> bool:
    """False where the tenant may still come."""
    author = f"file:{path.name}"
    with here.record.admin() as tx:
        try:
            tenant = tenants.find(tx, path.stem)
        except errors.NotFound as error:
            log.warning("policy file without a tenant", file=path.name, error=str(error))
            return False
        newest = policies.newest_of(tx, tenant, author)
        if newest is not None and newest["document"] == text:
            policies.set_problem(tx, tenant, None)
            return True
        try:
            documents.parse(text, channels.settings_models())
        except errors.PolicyError as error:
            policies.set_problem(tx, tenant, str(error)[:2000])
            log.error("policy refused, the old one stays", tenant=path.stem, problem=str(error))
            return True
        version = policies.apply(tx, tenant, text, author)
        audit.record(tx, tenant, author, "config.apply", str(version), {})
        log.info("policy applied", tenant=path.stem, version=version)
    return True
