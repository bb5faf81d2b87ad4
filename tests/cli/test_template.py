"""`tocsin template`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.web.conftest import Someone
from tests.web.test_templates import POLICY
from tocsin.storage import policies
from tocsin.storage.record import Record


@pytest.fixture
def admin(as_: Callable[[str], Cli], record: Record, someone: Someone) -> Cli:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
    return as_(someone.tokens["admin"])


def test_list(admin: Cli) -> None:
    lines = admin("template", "list").stdout.splitlines()
    assert lines[0].split() == ["NAME", "CHANNEL", "TYPE", "RECEIVERS", "PARTS", "LINE"]
    assert lines[2].split() == ["page", "slack", "first", "oncall", "text", "8"]


def test_preview(admin: Cli) -> None:
    done = admin("template", "preview", "--channel", "slack", "--type", "first")
    assert done.stdout == "text:\n  *DiskFull: disk of db-1 is full*\n"
    assert "# slack, first, en-GB: page" in done.stderr
    done = admin("template", "preview", "-c", "slack", "--receiver", "ops")
    assert "the channel's own words" in done.stderr
    assert "1 alert is firing" in done.stdout
    assert admin.read("template", "preview", "-c", "webhook", "--name", "hook")["problems"] == []


def test_preview_of_a_file(admin: Cli, tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(POLICY.replace("*{{ title }}*", "{{ severity|upper }}"))
    done = admin("template", "preview", "-c", "slack", "--receiver", "oncall", "-f", str(file))
    assert done.stdout == "text:\n  CRITICAL\n"
    done = admin("template", "preview", "-c", "slack", "--name", "page", "-f", str(file))
    assert done.stdout == "text:\n  CRITICAL\n"
    file.write_text(POLICY.replace("*{{ title }}*", "{{ firing + title }}"))
    done = admin("template", "preview", "-c", "slack", "--name", "page", "-f", str(file), status=1)
    assert "part text, line 1: unsupported operand" in done.stderr
    assert "1 alert is firing" in done.stdout
    done = admin("template", "preview", "-c", "slack", "--name", "x", "-f", str(file), status=1)
    assert "has no template called x" in done.stderr
    admin("template", "preview", "-c", "slack", "-f", str(tmp_path / "none.yml"), status=1)


def test_check_tries_templates(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(POLICY)
    cli("config", "check", str(file))
    file.write_text(POLICY.replace("*{{ title }}*", "{{ firing + title }}"))
    done = cli("config", "check", str(file), status=1)
    assert "line 8: template `page`, part `text`, line 1 of it" in done.stderr


def test_reference(cli: Cli, tmp_path: Path) -> None:
    assert "| `group_wait` | duration |" in cli("config", "reference").stdout
    page = tmp_path / "page.md"
    page.write_text("# Nothing\n")
    assert "no place for the tables" in cli("config", "reference", str(page), status=1).stderr
