"""The laws of the source tree: where imports may point, how long and how named files may be."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("actors", "channels", "ingest", "scheduler", "schemas", "tocsin", "workers")
FILE_LINES = 400
FUNCTION_LINES = 50
BANNED = {"util", "helper", "common", "misc", "manager"}

#: For each contract what breaks it and, as far as can be, no other.
VIOLATIONS = {
    "Arrows point down": ("tocsin/storage/wrong.py", "import workers"),
    "Nobody imports actors": ("channels/_wrong.py", "import actors"),
    "Domain and schemas do no I/O": ("tocsin/domain/wrong.py", "import socket"),
    "Ingest stays thin": ("ingest/wrong.py", "import sklearn"),
    "Channels know no database": ("channels/_wrong.py", "import psycopg"),
    "Only scoring imports pyod": ("tocsin/storage/wrong.py", "import pyod"),
    "Only the actors score and train": ("actors/wrong.py", "from tocsin.scoring import models"),
    "Plug-ins do not know one another": ("tocsin/cli/wrong.py", "from tocsin.cli import plugins"),
}


@functools.cache
def sources() -> list[Path]:
    files = [file for name in (*PACKAGES, "tests") for file in (ROOT / name).rglob("*.py")]
    return [file for file in files if "migrations" not in file.parts]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).parent / "lint-imports"
    return subprocess.run(
        [program, "--no-logo", "--no-cache"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_imports_point_the_right_way() -> None:
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in (*PACKAGES, "tests/contracts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_forbidden_imports_are_noticed(copy: Path) -> None:
    for file, line in VIOLATIONS.values():
        with (copy / file).open("a") as wrong:
            wrong.write(f"{line}\n")
    done = lint_imports(copy)
    assert done.returncode == 1, done.stdout + done.stderr
    broken = [said for said in done.stdout.splitlines() if " BROKEN" in said]
    for contract in VIOLATIONS:
        assert any(said.startswith(contract) for said in broken), f"{contract}:\n{done.stdout}"


def test_every_part_of_the_core_stands_in_the_layers() -> None:
    tool = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(one["layers"] for one in tool["contracts"] if one["id"] == "layers")
    named = {name.strip(" ()") for line in layers for name in line.split("|")}
    parts = {f"tocsin.{file.stem}" for file in (ROOT / "tocsin").iterdir() if is_part(file)}
    assert parts - {"tocsin.__init__", "tocsin.__main__"} <= named
    assert set(PACKAGES) - {"tocsin"} <= named


def is_part(file: Path) -> bool:
    return file.suffix == ".py" or (file.is_dir() and any(file.glob("*.py")))


def test_no_distribution_has_one_of_our_names() -> None:
    providers = importlib.metadata.packages_distributions()
    taken = {name: set(providers.get(name, ())) - {"tocsin"} for name in PACKAGES}
    assert not any(taken.values()), taken


def test_files_are_short() -> None:
    long = {
        str(file.relative_to(ROOT)): lines
        for file in sources()
        if (lines := len(file.read_text().splitlines())) > FILE_LINES
    }
    assert not long, f"files of more than {FILE_LINES} lines: {long}"


def test_functions_are_short() -> None:
    long = [
        f"{file.relative_to(ROOT)}:{node.lineno} {node.name}"
        for file in sources()
        for node in functions(file)
        if (node.end_lineno or 0) - node.lineno + 1 > FUNCTION_LINES
    ]
    assert not long, f"functions of more than {FUNCTION_LINES} lines: {long}"


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@functools.cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text())


def test_no_file_is_called_after_nothing() -> None:
    named = {file: set(file.stem.lower().replace("-", "_").split("_")) for file in sources()}
    wrong = [
        str(file.relative_to(ROOT))
        for file, words in named.items()
        if words & (BANNED | {f"{word}s" for word in BANNED})
    ]
    assert not wrong


def test_every_file_says_what_it_is_for() -> None:
    silent = [
        str(file.relative_to(ROOT))
        for file in sources()
        if file.read_text().strip() and ast.get_docstring(tree(file)) is None
    ]
    assert not silent
