"""Reload: a policy file that changed is put in force; a broken one is refused and said so."""

from __future__ import annotations

from pathlib import Path

import structlog

import channels
from actors import _runtime, _work
from tocsin import errors
from tocsin.config import documents
from tocsin.i18n import trial
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


def _problem(text: str) -> str:
    """Everything that is wrong with a document; empty where it is valid."""
    try:
        trial.check(documents.parse(text, channels.settings_models()), channels.parts())
    except errors.PolicyError as error:
        return str(error)
    except Exception as error:
        # One tenant's file must not keep those of the others from being taken.
        log.exception("policy could not be checked")
        return f"it could not be checked ({type(error).__name__})"
    return ""


def _take(here: _runtime.Runtime, path: Path, text: str) -> bool:
    """False where the tenant may still come."""
    author = f"file:{path.name}"
    # Before the transaction: templates are tried in a process of their own, which takes a while.
    problem = _problem(text)
    with here.record.admin() as tx:
        try:
            tenant = tenants.find(tx, path.stem)
        except errors.NotFound as error:
            log.warning("policy file without a tenant", file=path.name, error=str(error))
            return False
        if policies.knows_file(tx, tenant, author, text):
            policies.set_problem(tx, tenant, None)
            return True
        if problem:
            policies.set_problem(tx, tenant, problem[:2000])
            log.error("policy refused, the old one stays", tenant=path.stem, problem=problem)
            return True
        version = policies.apply_file(tx, tenant, text, author)
        audit.record(tx, tenant, author, "config.apply", str(version), {})
        log.info("policy applied", tenant=path.stem, version=version)
    return True
