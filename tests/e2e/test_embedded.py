"""What can be wrong with a home, and that the message says what to do."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from tocsin import embedded, homes
from tocsin.errors import SetupError

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone gives its servers another uid")
not_root = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="tocsin-home-", dir="/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@only_root
def test_a_closed_parent_is_named(folder: Path) -> None:
    folder.chmod(0o700)
    with pytest.raises(SetupError, match=f"cannot pass {folder} .mode 700.*chmod o.x {folder}"):
        homes.make(folder / "home")


@not_root
def test_a_home_that_may_not_be_written(folder: Path) -> None:
    folder.chmod(0o500)
    with pytest.raises(SetupError, match=r"cannot write .* Permission denied"):
        homes.make(folder / "home")
    folder.chmod(0o700)


def test_a_home_below_a_file(folder: Path) -> None:
    (folder / "file").write_text("")
    with pytest.raises(SetupError, match="cannot write"):
        homes.make(folder / "file" / "home")


def test_a_disk_that_is_nearly_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=1000))
    with pytest.raises(SetupError, match="MB are free on the disk"):
        homes.make(folder / "home")


def test_a_disk_that_is_full(folder: Path) -> None:
    with pytest.raises(SetupError, match=r"disk of .* is full"), homes.explained(folder):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_one_home_has_one_user(folder: Path) -> None:
    held = homes.lock(folder / "home")
    with pytest.raises(SetupError, match=f"in use by another Tocsin .process {os.getpid()}"):
        homes.lock(folder / "home")
    held.close()
    homes.lock(folder / "home").close()


def test_secrets_stay_the_same_and_private(folder: Path) -> None:
    homes.make(folder / "home")
    drawn = homes.secret(folder / "home", "a")
    assert homes.secret(folder / "home", "a") == drawn
    assert homes.secret(folder / "home", "b") != drawn
    assert (folder / "home" / "secrets" / "a").stat().st_mode & 0o777 == 0o600


def test_sockets_of_a_deep_home_lie_elsewhere(folder: Path) -> None:
    home = folder / ("deep" * 20)
    homes.make(home)
    far = homes.sockets(home)
    assert far.parent == Path("/tmp")
    assert far.stat().st_mode & 0o777 == 0o700
    assert homes.sockets(home) == far
    far.rmdir()
    assert homes.sockets(home) != far
    homes.sockets(home).rmdir()


def test_a_pid_file_that_names_a_stranger_is_dropped(folder: Path) -> None:
    home = folder / "home"
    embedded.start_postgres(home).stop()
    stale = home / "postgres" / "postmaster.pid"
    stale.write_text(f"{os.getppid()}\n{home / 'postgres'}\n")
    server = embedded.start_postgres(home)
    assert server.stop()


def test_a_server_left_running_is_replaced(folder: Path) -> None:
    home = folder / "home"
    lost = [embedded.start_postgres(home), embedded.start_valkey(home)]
    fresh = [embedded.start_postgres(home), embedded.start_valkey(home)]
    for old, new in zip(lost, fresh, strict=True):
        assert old.process.wait(5) == 0
        assert new.process.poll() is None
        assert new.stop()


def test_data_of_another_major_version_is_refused(folder: Path) -> None:
    home = folder / "home"
    embedded.start_postgres(home).stop()
    (home / "postgres" / "PG_VERSION").write_text("12\n")
    with pytest.raises(SetupError, match="is of PostgreSQL 12"):
        embedded.start_postgres(home)
