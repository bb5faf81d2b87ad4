"""Silences with care and maintenance windows from the command line."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cli.conftest import Cli
from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.storage import policies
from tocsin.storage.record import Record

ADD = ("silence", "add", "team=db", "-d", "2h", "-c", "disks")


def fires(record: Record, someone: Someone, severity: str = "critical", count: int = 1) -> None:
    with record.session([someone.tenant]) as tx:
        for n in range(count):
            labels = {"team": "db", "n": str(n)}
            seeds.alert(tx, someone.tenant, labels, severity=severity)


def test_what_is_critical_is_not_silenced_without_a_yes(
    cli: Cli, record: Record, someone: Someone
) -> None:
    fires(record, someone)
    refused = cli(*ADD, status=1)
    assert "1 critical alert" in refused.stderr
    assert "--yes" in refused.stderr
    assert cli.read("silence", "list") == []
    made = cli(*ADD, "--yes").stdout.strip()
    assert [row["id"] for row in cli.read("silence", "list")] == [made]


def test_what_is_much_is_asked_about(
    cli: Cli, record: Record, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    fires(record, someone, "info", 3)
    cli(*ADD)
    monkeypatch.setattr("tocsin.cli._asking.MUCH", 2)
    assert "matches 3 of 3 alerts" in cli(*ADD, status=1).stderr


def test_a_preview(cli: Cli, record: Record, someone: Someone) -> None:
    fires(record, someone, "info", 2)
    done = cli("silence", "preview", "team=~d.")
    assert "FIRING     2" in done.stdout
    assert done.stdout.count("team=db") == 2
    assert "! None of its matchers names a value" in done.stderr
    assert cli.read("silence", "preview", "team=db")["firing"] == 2
    assert cli.read("silence", "list", "--state", "all") == []


def test_an_edit_changes_what_is_given_and_leaves_the_rest(cli: Cli) -> None:
    made = cli(*ADD, "--until-resolved").stdout.strip()
    before = cli.read("silence", "show", made)
    cli("silence", "edit", made, "-d", "3h", "-c", "more disks")
    after = cli.read("silence", "show", made)
    assert (after["comment"], after["matchers"]) == ("more disks", ['team="db"'])
    assert after["until_resolved"]
    assert after["ends_at"] > before["ends_at"]
    assert after["updated_by"] == "respond robot"
    cli("silence", "edit", made, "team=web")
    assert cli.read("silence", "show", made)["ends_at"] == after["ends_at"]
    assert "more disks" in cli("silence", "show", made).stdout
    cli("silence", "expire", made)
    assert "make a new one" in cli("silence", "edit", made, "-d", "4h", status=1).stderr


def test_many_are_ended_at_once(cli: Cli) -> None:
    for n in range(2):
        cli("silence", "add", f"n={n}", "-d", "1h", "-c", f"for INC-7 {n}")
    kept = cli(*ADD).stdout.strip()
    done = cli("silence", "expire", "--comment", "inc-7")
    assert len(done.stdout.splitlines()) == 2
    assert [row["id"] for row in cli.read("silence", "list")] == [kept]
    assert "either ids" in cli("silence", "expire", status=1).stderr
    unknown = cli("silence", "expire", kept, "nonsense", status=1)
    assert unknown.stdout == f"{kept}  expired\n"
    assert "no silence nonsense" in unknown.stderr


def test_the_guard_and_its_override(
    cli: Cli, as_: Callable[[str], Cli], record: Record, someone: Someone
) -> None:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, "route: {}\nsilences: {longest: 1h}\n", "test")
    assert "longer than the 1h" in cli(*ADD, status=1).stderr
    assert "'admin'" in cli(*ADD, "--override", status=1).stderr
    made = as_(someone.tokens["admin"])(*ADD, "--override").stdout.strip()
    assert cli.read("silence", "show", made)["overridden"]


def test_maintenance_from_plan_to_end(cli: Cli, record: Record, someone: Someone) -> None:
    made = cli(
        "maintenance", "add", "Database upgrade", "-s", "orders", "-m", "cluster=eu", "-d", "2h",
        "-c", "CHG-12", "--start", "2100-01-01T22:00:00Z",
    )  # fmt: skip
    assert "pending, from 2100-01-01T22:00:00Z to 2100-01-02T00:00:00Z" in made.stderr
    [window] = cli.read("maintenance", "list")
    assert window["id"] == made.stdout.strip()
    assert window["matchers"] == ['cluster="eu"', 'service="orders"']
    assert "Database upgrade" in cli("maintenance", "list", "--state", "pending").stdout
    assert cli("maintenance", "end", window["id"]).stdout == f"{window['id']}  expired\n"
    assert cli.read("maintenance", "list", "--state", "pending") == []
    assert "no such maintenance" in cli("maintenance", "end", "x", status=1).stderr
    fires(record, someone)
    hits = ("maintenance", "add", "Disks", "-m", "team=db", "-d", "1h", "-c", "c")
    assert "--yes" in cli(*hits, status=1).stderr
    assert cli(*hits, "--yes").stdout
    nothing = cli("maintenance", "add", "All", "-d", "1h", "-c", "c", status=1)
    assert "at least one label" in nothing.stderr
