"""The home of an installation: its folders, its secrets, its lock, and who may read them."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tocsin.errors import SetupError

#: The uid (and gid) that the servers get when Tocsin runs as root: "nobody" everywhere.
NOBODY = 65534
_FREE_BYTES = 300_000_000
_SOCKET_PATH_BYTES = 107  # sun_path of Linux without its final zero byte
_LONGEST_SOCKET = ".s.PGSQL.5432.lock"


def server_uid() -> int | None:
    """The uid to give to a server that we start; None: our own."""
    return NOBODY if os.geteuid() == 0 else None


def default() -> Path:
    """/var/lib/tocsin for root, the place of user data for everybody else."""
    if os.geteuid() == 0:
        return Path("/var/lib/tocsin")
    data = os.environ.get("XDG_DATA_HOME")
    return (Path(data) if data else Path.home() / ".local" / "share") / "tocsin"


def make(home: Path) -> None:
    """Make the folders of ``home`` that are missing. Raises SetupError with what to do.

    Only the servers' own folders belong to their uid; `run`, `secrets` and `log` stay ours, so
    that a server that was broken into cannot plant files that we would read.
    """
    with explained(home):
        _make_parents(home)
        _own_folder(home, 0o711 if server_uid() is not None else 0o700)
        _own_folder(home / "run", 0o711 if server_uid() is not None else 0o700)
        for name in ("secrets", "log"):
            _own_folder(home / name, 0o700)
        _check_reachable(home)
        if shutil.disk_usage(home).free < _FREE_BYTES:
            raise SetupError(
                f"less than {_FREE_BYTES // 1_000_000} MB are free on the disk of {home}: make "
                "room or choose another home with --home"
            )


def lock(home: Path) -> IO[str]:
    """Take ``home`` for this process alone, until the returned file is closed or we die."""
    make(home)
    with explained(home):
        file = (home / "lock").open("a+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "unknown"
        file.close()
        raise SetupError(
            f"the home {home} is in use by another Tocsin (process {holder}): stop that one or "
            "choose another home with --home"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file


def secret(home: Path, name: str) -> str:
    """The secret ``name`` of this home, drawn at the first call (43 letters, 256 bits)."""
    path = home / "secrets" / name
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32))
    return path.read_text().strip()


def write_private(path: Path, text: str) -> None:
    """Write ``text`` so that only its owner may read it, wholly or not at all."""
    with explained(path.parent):
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)


def private_folder(path: Path) -> Path:
    """A folder that only the servers' uid (and root) can enter."""
    with explained(path):
        path.mkdir(mode=0o700, exist_ok=True)
        uid = server_uid()
        if uid is not None:
            os.chown(path, uid, uid)
        path.chmod(0o700)
    return path


def sockets(home: Path) -> Path:
    """The private folder for unix sockets: below ``home``, or below /tmp if that is too long."""
    near = home / "run" / "sockets"
    if len(os.fsencode(near / _LONGEST_SOCKET)) <= _SOCKET_PATH_BYTES:
        return private_folder(near)
    note = home / "run" / "sockets.path"
    if note.exists():
        known = Path(note.read_text().strip())
        if _is_private(known):
            return known
    fresh = Path(tempfile.mkdtemp(prefix="tocsin-", dir="/tmp"))
    write_private(note, str(fresh))
    return private_folder(fresh)


def empty(folder: Path) -> None:
    """Remove everything in ``folder``."""
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def copy_once(target: Path, folders: list[Path]) -> Path:
    """Copy ``folders`` into ``target`` unless it is there; others see it whole or not at all."""
    if target.is_dir():
        return target
    with explained(target):
        target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        target.parent.chmod(0o755)
        work = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}."))
        for folder in folders:
            shutil.copytree(
                folder, work / folder.name, symlinks=True, ignore=shutil.ignore_patterns("*.py*")
            )
        _open_for_reading(work)
        try:
            work.rename(target)
        except OSError:  # somebody else was faster
            shutil.rmtree(work)
            if not target.is_dir():
                raise
    return target


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an OSError about ``path`` into a SetupError that says what to do."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise SetupError(f"the disk of {path} is full: make room and start again") from error
        raise SetupError(
            f"cannot write {error.filename or path}: {error.strerror}. Choose a home that you may "
            "write with --home"
        ) from error


def _make_parents(home: Path) -> None:
    for parent in reversed(home.parents):
        if not parent.exists():
            parent.mkdir()
            parent.chmod(0o755)  # whatever the umask: the servers' uid must pass


def _own_folder(path: Path, mode: int) -> None:
    path.mkdir(exist_ok=True)
    if path.stat().st_uid != os.geteuid():
        raise SetupError(
            f"{path} belongs to another user (uid {path.stat().st_uid}): start Tocsin as that user "
            "or choose another home with --home"
        )
    path.chmod(mode)


def _check_reachable(home: Path) -> None:
    uid = server_uid()
    if uid is None:
        return
    for folder in (*reversed(home.resolve().parents), home):
        if not _passes(folder.stat(), uid):
            raise SetupError(
                f"as root the database runs as uid {uid}, which cannot pass {folder} (mode "
                f"{stat.S_IMODE(folder.stat().st_mode):o}): choose another home with --home, or "
                f"chmod o+x {folder}"
            )


def _passes(found: os.stat_result, uid: int) -> bool:
    if found.st_uid == uid:
        return bool(found.st_mode & stat.S_IXUSR)
    if found.st_gid == uid:
        return bool(found.st_mode & stat.S_IXGRP)
    return bool(found.st_mode & stat.S_IXOTH)


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except OSError:
        return False
    mine = found.st_uid in (os.geteuid(), server_uid())
    shared = found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    return stat.S_ISDIR(found.st_mode) and mine and not shared


def _open_for_reading(folder: Path) -> None:
    folder.chmod(0o755)
    for base, folders, files in os.walk(folder):
        for name in folders:
            Path(base, name).chmod(0o755)
        for name in files:
            path = Path(base, name)
            if not path.is_symlink():
                path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
