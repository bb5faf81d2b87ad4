"""Who is on call from the command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.web.conftest import Someone
from tests.web.test_oncall import POLICY
from tocsin.storage import policies
from tocsin.storage.record import Record


@pytest.fixture(autouse=True)
def _policy(record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")


def test_who_is_on_call_at_three_on_the_24th(cli: Cli) -> None:
    lines = cli("oncall", "now", "primary", "--at", "2026-12-24 03:00").stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].split()[:2] == ["SCHEDULE", "ON_CALL"]
    assert lines[1].split()[:2] == ["primary", "anna"]
    assert "Mon 2026-12-28 09:00+0100" in lines[1]
    [found] = cli.read("oncall", "now", "primary", "--at", "24 03:00")
    assert "-24T0" in found["at"]
    assert "NOBODY" in cli("oncall", "now", "--at", "2026-12-24 03:00").stdout
    assert "write it like" in cli("oncall", "now", "--at", "soon", status=1).stderr
    assert "did you mean" in cli("oncall", "now", "primry", status=1).stderr


def test_shifts_of_a_schedule(cli: Cli) -> None:
    asked = ("--from", "2026-10-19 00:00", "--to", "2026-11-02 00:00")
    lines = cli("oncall", "show", "primary", *asked).stdout.splitlines()
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "Mon 2026-10-19 00:00+0200", "Mon 2026-10-19 09:00+0200", "Mon 2026-10-26 09:00+0100",
    ]  # fmt: skip
    text = cli("oncall", "show", "office hours", *asked).stdout
    assert text.count("NOBODY") == 3
    assert len(cli.read("oncall", "show", "primary", *asked)["items"]) == 3


def test_somebody_stands_in(cli: Cli) -> None:
    done = cli("oncall", "override", "add", "primary", "ben", "-d", "8h", "--note", "dentist")
    made = done.stdout.strip()
    clock = r"\d{4}-\d\d-\d\d \d\d:\d\d(\+\d{4})? Europe/Berlin"
    assert re.search(f"active, from {clock} to {clock}\n", done.stderr)
    assert len(re.findall(clock, cli("oncall", "override", "list").stdout)) == 2
    [now] = cli.read("oncall", "now", "primary")
    assert now["overrides"] == [made]
    [found] = cli.read("oncall", "override", "list", "--state", "active")
    assert (found["id"], found["note"]) == (made, "dentist")
    assert "dentist" in cli("oncall", "override", "list", "--schedule", "primary").stdout
    assert cli("oncall", "override", "end", made).stdout == f"{made}  expired\n"
    assert cli.read("oncall", "override", "list", "--state", "active") == []
    wrong = cli("oncall", "override", "add", "primary", "bne", "-d", "8h", status=1)
    assert "did you mean `ben`?" in wrong.stderr
    assert "no such override" in cli("oncall", "override", "end", "x", status=1).stderr


def test_coverage_fails_where_something_is_missing(cli: Cli) -> None:
    done = cli("oncall", "coverage", status=1)
    assert "no way to reach" in done.stdout
    assert "nobody on call" in done.stdout
    assert "not covered in the next 30 days: primary, office hours" in done.stderr
    load = cli("oncall", "coverage", "primary", "--load", status=1).stdout
    assert "NIGHT_HOURS" in load
    assert "Asia/Tokyo" in load


def test_a_whole_schedule_is_no_failure(cli: Cli, record: Record, someone: Someone) -> None:
    whole = POLICY.replace("[anna, ben]", "[anna]").partition("  - name: office")[0]
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, whole, "test")
    assert len(cli("oncall", "coverage").stdout.splitlines()) == 1


def test_the_calendar_as_a_file(cli: Cli, tmp_path: Path) -> None:
    assert cli("oncall", "export", "primary").stdout.startswith("BEGIN:VCALENDAR")
    file = tmp_path / "primary.ics"
    cli("oncall", "export", "primary", "-f", str(file))
    assert file.read_bytes().startswith(b"BEGIN:VCALENDAR\r\n")
    assert b"\r\r\n" not in file.read_bytes()
    failed = cli("oncall", "export", "primary", "-f", str(tmp_path), status=1)
    assert "cannot be written" in failed.stderr
    assert "no schedule `x`" in cli("oncall", "export", "x", status=1).stderr
