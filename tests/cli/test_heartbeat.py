"""Heartbeats at the command line, over the API."""

from __future__ import annotations

from collections.abc import Callable

from tests.cli.conftest import Cli
from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.storage.record import Record


def test_heartbeats(cli: Cli, as_: Callable[[str], Cli], record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        seeds.heartbeats_of(tx, someone.tenant, "backup", "watchdog")
    listed = cli.read("heartbeat", "list")
    assert [(row["name"], row["state"]) for row in listed] == [
        ("backup", "new"), ("watchdog", "new"),
    ]  # fmt: skip
    assert "https://tocsin.test/ping/" in cli("heartbeat", "list").stdout
    done = cli.read("heartbeat", "ping", "backup", "--status", "2", "-m", "disk full")
    assert (done["state"], done["last_status"], done["message"]) == ("down", 2, "disk full")
    assert "disk full" in cli("heartbeat", "show", "backup").stdout
    assert cli.read("heartbeat", "pause", "backup")["state"] == "paused"
    assert cli.read("heartbeat", "resume", "backup")["state"] == "up"
    assert cli.read("heartbeat", "ping", "backup", "--kind", "start")["running"] is True
    refused = cli("heartbeat", "rotate", "backup", status=1)
    assert "scope" in refused.stderr
    admin = as_(someone.tokens["admin"])
    assert admin.read("heartbeat", "rotate", "backup")["url"] != done["url"]
    assert "no such heartbeat" in cli("heartbeat", "show", "nobody", status=1).stderr
