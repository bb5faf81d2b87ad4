"""One JSON line for each thing worth telling: ts level msg component. No secrets, no bodies."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

#: Values under these names are never written, whatever they hold.
NAMES = re.compile(r"(?i)token|secret|password|authorization|cookie|body|api_?key|private")
#: Our own tokens, logins in URLs, and what stands behind "Bearer", wherever they turn up.
VALUES = re.compile(
    r"toc_[\w-]{8,}|(?<=://)[^/\s:@]*:[^/\s@]+(?=@)|(?i:(?<=bearer ))[\w.~+/=-]{8,}"
)
HIDDEN = "***"
#: They tell what our own lines tell better, or nothing that helps at night.
QUIET = ("uvicorn.access", "httpx", "httpcore", "psycopg.pool", "alembic")


def setup(level: str = "info") -> None:
    """Send the log of this process, ours and the libraries', to stderr as JSON lines.

    Call it once, at the process's edge. An unknown level counts as "info".
    """
    chosen = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="ts"),
        structlog.stdlib.ExtraAdder(),
    ]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _named,
                _redact,
                structlog.processors.JSONRenderer(sort_keys=False, ensure_ascii=False),
            ],
        )
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(chosen)
    _take_over(chosen)


def _take_over(level: int) -> None:
    """Let loggers that brought a handler of their own speak through ours."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "dramatiq"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def _named(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Our words for the fields, the same four first in each line."""
    first = {
        "ts": event.pop("ts", ""),
        "level": event.pop("level", method),
        "msg": str(event.pop("event", "")),
        "component": event.pop("logger", ""),
    }
    return {**first, **{name: value for name, value in event.items() if value is not None}}


def _redact(logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    return {name: _hidden(name, value) for name, value in event.items()}


def _hidden(name: str, value: Any) -> Any:
    if NAMES.search(name):
        return HIDDEN
    if isinstance(value, str):
        return VALUES.sub(HIDDEN, value)
    if isinstance(value, dict):
        return {key: _hidden(str(key), inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden("", inner) for inner in value]
    return value
