"""`tocsin up` for real, as root and as an ordinary user, over a Procfile of stand-ins."""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
import pytest
import redis

from tocsin import launch, processes
from tocsin.errors import SetupError

ROOT = Path(__file__).parents[2]
NOBODY = 65534
STAND_IN = """\
import http.server, os, signal, sys, time
name, port = sys.argv[1], int(sys.argv[2])
def note(what):
    with open(os.environ["NOTES"], "a") as file:
        file.write(f"{name} {what}\\n")
def end(*_):
    note("ends")
    time.sleep(float(os.environ.get("SLOW", "0")))
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass
note(os.getpid())
if port:
    http.server.HTTPServer(("127.0.0.1", port), Ready).serve_forever()
while True:
    signal.pause()
"""
PROCFILE = """\
# stand-ins for the real processes
web: python stand_in.py web $PORT
page: python stand_in.py page 0
clock: python stand_in.py clock 0
"""
#: Whose files and servers they are makes no difference to these.
as_me = pytest.mark.parametrize("uid", [os.geteuid()])
as_who = pytest.mark.parametrize("uid", [os.geteuid(), *([NOBODY] if os.geteuid() == 0 else [])])


class Place:
    """A folder with the stand-ins, a free pair of ports, and the launchers started on it."""

    def __init__(self, folder: Path, uid: int) -> None:
        self.folder, self.uid, self.home = folder, uid, folder / "home"
        self.port = free_ports()
        self.notes = folder / "notes"
        (folder / "stand_in.py").write_text(STAND_IN)
        (folder / "Procfile").write_text(PROCFILE)
        self.started: list[subprocess.Popen[str]] = []

    def up(self, *words: str, **env: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "tocsin", "up", f"--home={self.home}"]
        command += [f"--port={self.port}", f"--procfile={self.folder / 'Procfile'}", *words]
        clean = {**os.environ, "HOME": str(self.folder), "NOTES": str(self.notes)}
        with (self.folder / "stderr").open("a") as stderr:
            process = subprocess.Popen(
                [*change_to(self.uid), *command],
                cwd=ROOT,
                env=clean | env,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self.started.append(process)
        return process

    def ready(self, process: subprocess.Popen[str]) -> str:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith(f"ready http://127.0.0.1:{self.port}"), self.said()
        return line

    def said(self) -> str:
        return (self.folder / "stderr").read_text()

    def noted(self, name: str) -> list[str]:
        words = [line.split() for line in self.notes.read_text().splitlines()]
        return [what for who, what in words if who == name]

    def environment(self) -> dict[str, str]:
        known = json.loads((self.home / "run" / "env.json").read_text())
        return {"database_url": known["database_url"], "redis_url": known["redis_url"]}

    def left(self) -> list[str]:
        """Command lines of all processes that have to do with this place."""
        lines = [
            processes.command_line(int(name)) for name in os.listdir("/proc") if name.isdigit()
        ]
        return [line for line in lines if str(self.folder) in line or "stand_in.py" in line]


def change_to(uid: int) -> list[str]:
    """What makes a command run as ``uid``; it may read all, as the interpreter may be root's."""
    if uid == os.geteuid():
        return []
    reading = "-all,+dac_read_search"
    who = [f"--reuid={uid}", f"--regid={uid}", "--clear-groups"]
    return ["setpriv", *who, f"--inh-caps={reading}", f"--ambient-caps={reading}"]


def free_ports() -> int:
    """A port that is free together with the next one."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = int(one.getsockname()[1])
            try:
                two.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return port


def until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


@contextmanager
def placed(uid: int) -> Iterator[Place]:
    if uid != os.geteuid() and shutil.which("setpriv") is None:
        pytest.skip("setpriv is not installed")
    folder = Path(tempfile.mkdtemp(prefix="tocsin-up-", dir="/tmp"))
    folder.chmod(0o755)
    if uid != os.geteuid():
        os.chown(folder, uid, uid)
    made = Place(folder, uid)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    until(lambda: not made.left())
    shutil.rmtree(folder)


@pytest.fixture
def place(uid: int) -> Iterator[Place]:
    with placed(uid) as made:
        yield made


@pytest.fixture(scope="module")
def home_of() -> Iterator[Callable[[int], Path]]:
    """The home of an installation of this user that was started once, and stopped."""
    with ExitStack() as left:

        @functools.cache
        def started(uid: int) -> Path:
            made = left.enter_context(placed(uid))
            process = made.up()
            made.ready(process)
            stop(process)
            return made.home

        yield started


@pytest.fixture
def used(place: Place, home_of: Callable[[int], Path]) -> Place:
    """A place with such a home: to set one up takes longer than most of these stories."""
    subprocess.run(["cp", "-a", home_of(place.uid), place.home], check=True)
    return place


def stop(process: subprocess.Popen[str], seconds: float = 40) -> None:
    """It may take the launcher all of its time, and then that of the servers."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(seconds) == 0


@as_who
def test_first_and_second_start(place: Place) -> None:
    first = place.up()
    token = place.home / "admin.token"
    assert place.ready(first).endswith(f"  first admin token: {token}\n")
    for private in (token, place.home / "run" / "env.json", place.home / "secrets" / "master.key"):
        assert stat.S_IMODE(private.stat().st_mode) == 0o600
    secrets = [token.read_text(), (place.home / "secrets" / "master.key").read_text()]
    with redis.Redis.from_url(place.environment()["redis_url"], db=7) as client:
        client.set("kept", "yes")
    stop(first)
    assert place.left() == []
    assert not (place.home / "run" / "env.json").exists()

    second = place.up()
    place.ready(second)
    assert [token.read_text(), (place.home / "secrets" / "master.key").read_text()] == secrets
    with redis.Redis.from_url(place.environment()["redis_url"], db=7) as client:
        assert client.get("kept") == b"yes"
    with psycopg.connect(place.environment()["database_url"]) as connection:
        connection.execute("SET ROLE tocsin_app")
        slugs = {slug for (slug,) in connection.execute("SELECT slug FROM tenant_list()")}
    assert slugs - {"system"} == {"default"}  # the clock makes the other, when it comes to it
    stop(second)


@as_me
def test_home_in_use_and_port_taken(used: Place) -> None:
    used.ready(used.up())
    assert used.up().wait(20) == 2
    line = used.said().splitlines()[-1]
    assert line.startswith(f"error: the home {used.home} is in use by another Tocsin")
    used.home = used.folder / "other"
    assert used.up().wait(20) == 2
    line = used.said().splitlines()[-1]
    assert line.startswith(f"error: port {used.port} of 127.0.0.1 cannot be had")


@as_who
def test_what_dies_is_started_again(used: Place) -> None:
    process = used.up()
    used.ready(process)
    until(lambda: used.noted("page"))
    os.kill(int(used.noted("page")[0]), signal.SIGKILL)
    until(lambda: len(used.noted("page")) == 2)

    known = used.environment()
    kill_and_await(used.home / "run" / "valkey.pid")
    until(lambda: answers(known["redis_url"]))
    kill_and_await(used.home / "postgres" / "postmaster.pid")
    until(lambda: queries(known["database_url"]))
    with urllib.request.urlopen(f"http://127.0.0.1:{used.port}/-/ready", timeout=5) as response:
        assert response.status == 200
    stop(process)


def kill_and_await(pid_file: Path) -> None:
    """Kill the server that the file names and wait until it names another one."""
    killed = first_word(pid_file)
    os.kill(int(killed), signal.SIGKILL)
    until(lambda: first_word(pid_file) not in ("", killed))


def first_word(file: Path) -> str:
    return (file.read_text().split() or [""])[0] if file.exists() else ""


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url) as client:
            return bool(client.ping())
    except redis.exceptions.ConnectionError:
        return False


def queries(url: str) -> bool:
    try:
        psycopg.connect(url).close()
    except psycopg.OperationalError:
        return False
    return True


@as_me
def test_stops_in_order_and_in_time(used: Place) -> None:
    process = used.up("--scale=page=2", SLOW="0.3")
    used.ready(process)
    until(lambda: len(used.noted("page")) == 2 and used.noted("clock"))
    begun = time.monotonic()
    stop(process, 20)
    assert time.monotonic() - begun < 20
    ends = [line.split()[0] for line in used.notes.read_text().splitlines() if "ends" in line]
    assert sorted(ends[:3]) == ["page", "page", "web"]
    assert ends[3:] == ["clock"]
    log = (used.home / "log" / "postgres.log").read_text()
    assert "database system is shut down" in log
    assert used.left() == []


@as_who
def test_nothing_outlives_a_killed_launcher(used: Place) -> None:
    process = used.up()
    used.ready(process)
    process.kill()
    process.wait()
    until(lambda: not used.left())
    again = used.up()
    used.ready(again)
    stop(again)


@as_me
def test_who_hangs_is_killed(used: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launch, "STOP_SECONDS", 6.0)
    monkeypatch.setenv("NOTES", str(used.notes))
    monkeypatch.setenv("SLOW", "600")
    options = launch.Options(used.home, used.port, procfile=used.folder / "Procfile")
    with (used.folder / "stderr").open("w") as stream:
        with launch.running(options, stream=stream) as supervisor:
            assert set(supervisor.servers) == {"postgres", "valkey"}
            until(lambda: used.noted("page") and used.noted("clock"))
            begun = time.monotonic()
        assert time.monotonic() - begun < 12
    assert "had to kill web, page, clock" in used.said()


@as_me
def test_not_ready_says_so(used: Place) -> None:
    (used.folder / "Procfile").write_text("web: python -c 'raise SystemExit(3)'\n")
    options = launch.Options(used.home, used.port, procfile=used.folder / "Procfile")
    supervisor = launch.Supervisor(options)
    supervisor.start()
    try:
        with pytest.raises(SetupError, match="not ready after"):
            supervisor.wait_ready(threading.Event(), 0.5)
    finally:
        supervisor.stop()
