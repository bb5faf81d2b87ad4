"""The command line against the real record and a real web application."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import structlog
from typer import main
from typer.testing import CliRunner, Result

from tests.conftest import Servers
from tests.web.conftest import Someone, Web, other, running_web, someone, web
from tocsin.cli import app

__all__ = ["other", "running_web", "someone", "web"]


@dataclass(frozen=True)
class Cli:
    """Runs `tocsin ...` with this environment."""

    environment: dict[str, str]

    def __call__(self, *words: str, status: int = 0, text: str | None = None) -> Result:
        done = CliRunner().invoke(app, list(words), env=self.environment, input=text)
        assert done.exit_code == status, done.output + done.stderr + repr(done.exception)
        assert "Traceback" not in done.stderr
        return done

    def read(self, *words: str) -> Any:
        return json.loads(self(*words, "-o", "json").stdout)


@pytest.fixture(scope="session", autouse=True)
def _built_once() -> Iterator[None]:
    """The runner would build all commands anew, from every signature, at each call."""
    with mock.patch("typer.testing._get_command", functools.cache(main.get_command)):
        yield


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """The application runs in this process: its log would stand between what commands print."""
    configured = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    yield
    structlog.configure(**configured)


@pytest.fixture
def cli(servers: Servers, web: Web, someone: Someone, tmp_path: Path) -> Cli:
    return Cli(
        {
            "DATABASE_URL": servers.database_url,
            "TOCSIN_HOME": str(tmp_path),
            "TOCSIN_URL": web.url,
            "TOCSIN_TOKEN": someone.tokens["respond"],
        }
    )


@pytest.fixture
def as_(cli: Cli) -> Callable[[str], Cli]:
    """The same with another token."""
    return lambda token: Cli({**cli.environment, "TOCSIN_TOKEN": token})
