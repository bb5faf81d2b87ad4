"""`tocsin report`: made, listed, read, kept as files."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from tests.cli.conftest import Cli
from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.storage.record import Record


def test_a_report_from_run_to_file(
    cli: Cli, as_: Callable[[str], Cli], someone: Someone, record: Record, tmp_path: Path
) -> None:
    story = seeds.story(record, someone.tenant)
    boss = as_(someone.tokens["admin"])
    made = boss.read("report", "run", "weekly", "--period", "this-week", "--zone", "Europe/Berlin")
    assert made["zone"] == "Europe/Berlin"
    [listed] = cli.read("report", "list")
    assert listed["id"] == made["id"]
    shown = cli("report", "show", made["id"]).stdout
    assert re.search(r"^Not delivered +1 +dead$", shown, re.MULTILINE)
    assert re.search(r"^Time to acknowledge, half +none +mtta_p50$", shown, re.MULTILINE)
    assert "\nLate or lost\nWHEN " in shown
    assert "channel_not_found" in shown
    page, sheet = tmp_path / "r.html", tmp_path / "r.csv"
    cli("report", "show", made["id"], "--html", str(page), "--csv", str(sheet))
    assert page.read_text().startswith("<!doctype html>")
    assert sheet.read_bytes().startswith(b"figure,value,unit,name,how it is counted\r\n")
    behind = cli("report", "show", made["id"], "--rows", "dead").stdout
    assert str(story.delivery) in behind
    refused = cli("report", "run", "weekly", status=1)
    assert "admin" in refused.stderr
    gone = tmp_path / "no" / "r.csv"
    unwritten = cli("report", "show", made["id"], "--csv", str(gone), status=1)
    assert "cannot be written" in unwritten.stderr
