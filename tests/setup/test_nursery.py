"""The process that imports once and is forked: what it bears, hears of, and leaves behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tocsin import launch, nursery, processes
from tocsin.errors import SetupError
from tocsin.nursery import Nursery

CHILD = """\
import json, os, signal, sys
if __name__ == "__main__":
    heavy = [name for name in ("csv", "sched") if name in sys.modules]
    print(json.dumps({
        "words": sys.argv, "folder": os.getcwd(), "name": os.environ["WHO"],
        "home": "HOME" in os.environ, "loaded": heavy, "parent": os.getppid(),
        "session": os.getsid(0),
    }))
    if "stay" in sys.argv:
        signal.pause()
    sys.exit(int(sys.argv[1]))
"""
PYTHON = str(Path(sys.executable).parent / "python")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nursery")
    (folder / "child_of_ours.py").write_text(CHILD)
    return folder


@pytest.fixture(scope="module")
def born(place: Path) -> Iterator[Nursery]:
    made = Nursery(place, os.environ, ["csv"])
    made.begin()
    yield made
    made.close()


def words(*arguments: str) -> list[str]:
    return [PYTHON, "-m", "child_of_ours", *arguments]


def gone(pid: int) -> bool:
    return processes.wait_gone(pid, 10)


def test_a_child_is_told_who_it_is_and_its_end_is_heard(born: Nursery, place: Path) -> None:
    child = born.bear(words("7"), {"WHO": "page", "TZ": "UTC"}, place)
    with child.stdout as output:
        said = json.loads(output.read())
    assert said["words"][1:] == ["7"]
    assert (said["folder"], said["name"], said["session"]) == (str(place), "page", child.pid)
    assert not said["home"], "it got an environment that is not its own"
    assert said["loaded"] == ["csv"]
    assert child.wait(10) == child.poll() == 7


def test_it_shows_its_own_words_to_who_looks_and_obeys_signals(born: Nursery, place: Path) -> None:
    child = born.bear(words("stay"), {"WHO": "web"}, place)
    with child.stdout as output:
        output.readline()
        assert processes.command_line(child.pid) == " ".join(words("stay"))
        assert child.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            child.wait(0.01)
        child.send_signal(signal.SIGTERM)
        assert child.wait(10) == -signal.SIGTERM
        child.send_signal(signal.SIGTERM)  # nobody hears it, and that is no error


def test_it_has_one_thread_and_opens_nothing(born: Nursery, place: Path) -> None:
    child = born.bear(words("stay"), {"WHO": "x"}, place)
    with child.stdout as output:
        parent = json.loads(output.readline())["parent"]
        threads = len(list(Path(f"/proc/{parent}/task").iterdir()))
        open_files = {int(file.name): file for file in Path(f"/proc/{parent}/fd").iterdir()}
        shown = [os.readlink(file) for number, file in open_files.items() if number > 2]
        child.kill()
        child.wait(10)
    assert threads == 1
    assert not [name for name in shown if not name.startswith("socket:")]


def test_where_the_nursery_is_killed_its_children_go_and_the_next_are_born(place: Path) -> None:
    made = Nursery(place, os.environ, ["csv"])
    made.begin()
    first = made.bear(words("stay"), {"WHO": "x"}, place)
    with first.stdout as output:
        os.kill(json.loads(output.readline())["parent"], signal.SIGKILL)
        assert first.wait(10) == -signal.SIGKILL
        assert gone(first.pid)
    second = made.bear(words("0"), {"WHO": "x"}, place)
    with second.stdout:
        assert second.wait(20) == 0
    made.close()


def test_closing_it_ends_who_is_left(place: Path) -> None:
    made = Nursery(place, os.environ, ["csv"])
    child = made.bear(words("stay"), {"WHO": "x"}, place)
    with child.stdout as output:
        output.readline()
        made.close()
        assert gone(child.pid)
        child.wait(10)


def test_one_that_cannot_import_says_so(tmp_path: Path) -> None:
    made = Nursery(tmp_path, os.environ, ["no_such_module"])
    with pytest.raises(SetupError, match=r"cannot start \S+: "):
        made.bear(words("0"), {}, tmp_path)
    made.close()


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        ([PYTHON, "-m", "scheduler.clock"], True),
        ([str(Path(PYTHON).with_name("uvicorn")), "a:b"], True),
        ([PYTHON, "-c", "1"], False),
        ([PYTHON, "file.py"], False),
        ([str(Path(PYTHON).with_name("no-such-script"))], False),
        (["/bin/true"], False),
    ],
)
def test_it_bears_python_of_our_own_environment_only(command: list[str], wanted: bool) -> None:
    assert nursery.can_bear(command) is wanted


def test_many_at_once(born: Nursery, place: Path) -> None:
    children = [born.bear(words(str(n)), {"WHO": "x"}, place) for n in range(20)]
    ends = []
    for child in children:
        with child.stdout:
            ends.append(child.wait(20))
    assert ends == list(range(20))


def test_what_the_processes_share_starts_no_thread_and_is_not_the_scorer(place: Path) -> None:
    made = launch.nursery(place)
    child = made.bear(words("stay"), {"WHO": "x"}, place)
    with child.stdout as output:
        parent = json.loads(output.readline())["parent"]
        threads = len(list(Path(f"/proc/{parent}/task").iterdir()))
        maps = Path(f"/proc/{parent}/maps").read_text()
        made.close()
        child.wait(10)
    assert "pydantic_core" in maps
    assert "sklearn" not in maps
    assert threads == 1
