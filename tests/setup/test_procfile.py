"""The Procfile: what is read, what is filled in, and what is refused with its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tocsin import procfile
from tocsin.errors import SetupError

ROOT = Path(__file__).parents[2]


def test_names_and_commands_in_their_order() -> None:
    text = "# a comment\n\nweb:  serve --port $PORT\nclock-1 : tick: tock\n"
    assert procfile.parse(text) == {"web": "serve --port $PORT", "clock-1": "tick: tock"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web: a\nno colon", "line 2: expected"),
        ("web:", "line 1: expected"),
        ("web: a\nweb: b", "line 2: there are two processes called 'web'"),
        ("# nothing", "names no process"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(SetupError, match=message):
        procfile.parse(text)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("run --port $PORT", ["run", "--port", "8420"]),
        ("run ${PORT}0 '$PORT x'", ["run", "84200", "8420 x"]),
        ("run ${HOST:-127.0.0.1}", ["run", "127.0.0.1"]),
        ("run ${EMPTY:-full}", ["run", "full"]),
        ("run $BLANKS", ["run", "a b"]),  # a value stays one word
    ],
)
def test_variables(command: str, words: list[str]) -> None:
    env = {"PORT": "8420", "EMPTY": "", "BLANKS": "a b"}
    assert procfile.arguments(command, env) == words


def test_an_unknown_variable() -> None:
    with pytest.raises(SetupError, match=r"uses \$NOPE, which is not set"):
        procfile.arguments("run $NOPE", {})


def test_scale() -> None:
    commands = {"web": "a", "page": "b", "scoring": "c"}
    assert procfile.scale("page=3,scoring=0", commands) == {"web": 1, "page": 3, "scoring": 0}
    for wrong in ("page", "page=x", "page=-1", "other=1"):
        with pytest.raises(SetupError, match="--scale wants name=number"):
            procfile.scale(wrong, commands)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="cannot read the Procfile"):
        procfile.read(tmp_path / "Procfile")


def test_our_own_lines_can_be_filled_in() -> None:
    commands = procfile.read(ROOT / "Procfile")
    env = {"PORT": "1", "INGEST_PORT": "2"}
    assert set(commands) >= {"ingest", "web", "pipeline", "page", "notify", "background", "clock"}
    for command in commands.values():
        assert "$" not in " ".join(procfile.arguments(command, env))
