"""How plug-ins are found, and what is said of one that is not complete."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tocsin import cli, plugins
from tocsin.errors import SetupError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = tmp_path / "finds"
    made.mkdir()
    (made / "__init__.py").write_text("")
    (made / "bells.py").write_text("NAME = 'ring'\nSEND = 1\n")
    (made / "_shared.py").write_text("raise RuntimeError('not to be imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return made


def test_found_by_the_name_of_the_file(folder: Path) -> None:
    (folder / "alarm.py").write_text("SEND = 2\n")
    assert list(plugins.load("finds", ("SEND",))) == ["alarm", "bells"]
    assert list(plugins.load("finds", key="NAME")) == ["alarm", "ring"]


def test_what_is_missing_is_named(folder: Path) -> None:
    with pytest.raises(SetupError, match=r"finds\.bells does not define LIMITS"):
        plugins.load("finds", ("SEND", "LIMITS"))


def test_a_name_may_stand_once(folder: Path) -> None:
    (folder / "again.py").write_text("NAME = 'ring'\n")
    with pytest.raises(SetupError, match=r"called 'ring': finds\.again and finds\.bells"):
        plugins.load("finds", key="NAME")


def test_the_command_shows_them() -> None:
    done = CliRunner().invoke(cli.app, ["plugins"])
    assert done.exit_code == 0, done.output
    assert any(line.split()[:2] == ["commands", "up"] for line in done.output.splitlines())


def test_a_mistake_is_one_line_and_exit_1() -> None:
    done = CliRunner().invoke(cli.app, ["migrate"])
    assert done.exit_code == 1
    assert done.stderr.startswith("error: no database is named")
    assert "Traceback" not in done.stderr
    assert CliRunner().invoke(cli.app, ["up", "--port=x"]).exit_code == 2


def test_the_sql_for_an_administrator() -> None:
    done = CliRunner().invoke(cli.app, ["migrate", "--sql"])
    assert done.exit_code == 0
    assert "CREATE ROLE tocsin_app NOLOGIN" in done.output
