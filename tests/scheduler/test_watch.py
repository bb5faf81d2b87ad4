"""A change in the folder of policies is told at once, and looked for now and then all the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from scheduler import watch
from tests.scheduler.conftest import Bell


def test_a_change_in_the_folder_of_policies_rings(
    bell: Bell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def changes(folder: Path, **options: Any) -> Iterator[set[Any]]:
        seen.append((folder, options["yield_on_timeout"]))
        yield {("modified", "t.yml")}
        yield set()  # the time-out

    monkeypatch.setattr(watchfiles, "watch", changes)
    assert watch.watch(tmp_path, bell) == 1.0
    assert bell.rung == [("reload", "background")] * 3
    assert seen == [(tmp_path, True)]


def test_a_real_change_of_a_file_rings(
    bell: Bell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    over, real = threading.Event(), watchfiles.watch

    def patient(folder: Path, **options: Any) -> Any:
        return real(folder, stop_event=over, **{**options, "rust_timeout": 60_000})

    def write() -> None:
        while len(bell.rung) < 2 and not over.wait(0.02):
            (tmp_path / "t.yml").write_text("route: {}")
        over.set()

    monkeypatch.setattr(watchfiles, "watch", patient)
    writer = threading.Thread(target=write)
    writer.start()
    safety = threading.Timer(10, over.set)
    safety.start()
    watch.watch(tmp_path, bell)
    writer.join()
    safety.cancel()
    assert bell.rung == [("reload", "background")] * len(bell.rung)
    assert len(bell.rung) > 1


@pytest.mark.parametrize("folder", [None, Path("/nowhere/at/all")])
def test_without_a_folder_of_policies_nobody_is_rung(bell: Bell, folder: Path | None) -> None:
    assert watch.watch(folder, bell) == 5.0
    assert bell.rung == []
