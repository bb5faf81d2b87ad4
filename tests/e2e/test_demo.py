"""The demo as a reader of the README meets it: it ends, proves its point, and leaves nothing."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import channels
from tocsin.config import documents
from tocsin.demo import day, script, stage, storm

ROOT = Path(__file__).parents[2]
BEGAN = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
COMMAND = [sys.executable, "-m", "tocsin", "demo"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), **more}


def alerts(moves: list[script.Move]) -> list[script.Alert]:
    return [
        each
        for move in moves
        if isinstance(move, script.Post) and move.path == "/api/v2/alerts"
        for each in move.body
    ]


@pytest.mark.slow
def test_it_ends_by_itself_and_nothing_is_lost(tmp_path: Path) -> None:
    done = subprocess.run(
        COMMAND, cwd=tmp_path, env=environment(DEMO_SECONDS="20"), capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\x1b" not in done.stdout
    summary = json.loads((tmp_path / "demo-summary.json").read_text())
    assert set(summary) == {
        "accepted", "unique", "repeats", "incidents", "sent", "lost", "latency_ms",
    }  # fmt: skip
    assert summary["lost"] == 0
    assert summary["accepted"] > 3000
    assert 500 < summary["unique"] < summary["accepted"] - summary["repeats"]
    assert summary["repeats"] > 2000
    assert 20 < summary["incidents"] < 100
    assert set(summary["sent"]) == {"email", "slack", "sms", "webhook"}
    assert all(2 < sent < 200 for sent in summary["sent"].values())
    assert 0 < summary["latency_ms"]["p50"] <= summary["latency_ms"]["p99"]
    assert_gone(done.stdout)


@pytest.mark.slow
def test_an_interrupt_ends_it_cleanly(tmp_path: Path) -> None:
    with (tmp_path / "said").open("w") as said:
        process = subprocess.Popen(
            COMMAND, cwd=tmp_path, env=environment(), stdout=said, stderr=said
        )
        try:
            deadline = time.monotonic() + 60
            while "A day" not in (told := (tmp_path / "said").read_text()):
                assert process.poll() is None, told
                assert time.monotonic() < deadline, told
                time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            process.send_signal(signal.SIGINT)  # an impatient one changes nothing
            assert process.wait(30) == 0
        finally:
            process.kill()
    told = (tmp_path / "said").read_text()
    assert "Traceback" not in told
    assert_gone(told)
    assert not (tmp_path / "demo-summary.json").exists()


def assert_gone(told: str) -> None:
    token = re.search(r"\$\(cat (\S+)/shop\.token\)", told)
    assert token is not None, told
    assert not Path(token[1]).exists()


def test_it_does_not_touch_a_home_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "admin.token").write_text("somebody's own")
    done = subprocess.run(
        [*COMMAND, f"--home={tmp_path}"], cwd=tmp_path, env=environment(), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [file.name for file in tmp_path.iterdir()] == ["admin.token"]


@pytest.mark.parametrize("file", stage.POLICIES.values())
def test_the_policies_are_good_as_they_stand(file: str) -> None:
    text = (Path(stage.__file__).parent / file).read_text()
    documents.parse(text, channels.settings_models())


@pytest.mark.parametrize("seconds", [5.0, 11.0, 300.0])
def test_the_same_seed_makes_the_same_day(seconds: float) -> None:
    moves = day.moves(BEGAN, seconds, seed=3)
    assert moves == day.moves(BEGAN, seconds, seed=3)
    assert moves != day.moves(BEGAN, seconds, seed=4)
    assert [move.at for move in moves] == sorted(move.at for move in moves)


def test_what_fires_by_day_is_over_in_the_evening() -> None:
    last: dict[str, tuple[str, bool]] = {}
    for move in day.moves(BEGAN, 11.0):
        if isinstance(move, script.Post) and move.path != "/api/v1/alerts":
            posted = move.body["alerts"] if isinstance(move.body, dict) else move.body
            for alert in posted:
                sent = BEGAN.timestamp() + move.at
                ended = datetime.fromisoformat(alert["endsAt"]).timestamp()
                over = alert.get("status") == "resolved" or 0 < ended <= sent + 0.001
                last[json.dumps(alert["labels"])] = alert["startsAt"], over
    began = BEGAN.isoformat()
    assert all(over for starts, over in last.values() if starts >= began)


def test_a_storm_is_thousands_of_alerts_of_hundreds_of_label_sets() -> None:
    posted = alerts(storm.moves(BEGAN, 4.0))
    assert len(posted) > 3000
    assert len({json.dumps(alert["labels"]) for alert in posted}) == storm.SETS + 2
    critical = [alert for alert in posted if alert["labels"]["severity"] == "critical"]
    assert {alert["labels"]["cluster"] for alert in critical} == {"eu-2", "us-1"}
