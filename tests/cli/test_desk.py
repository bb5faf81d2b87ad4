"""`tocsin delivery` on all that fits: counted, asked, done."""

from __future__ import annotations

from tests.browser import scenes
from tests.cli.conftest import Cli
from tests.web.conftest import Someone
from tocsin.storage.record import Record


def test_retry_all_of_a_channel(cli: Cli, record: Record, someone: Someone) -> None:
    scenes.dead(record, someone.tenant, 3)
    words = ("delivery", "retry", "--all", "--channel", "sms")
    counted = cli(*words, "--dry-run")
    assert "This retries 3 deliveries to 3 destinations." in counted.stderr
    assert cli.read("delivery", "summary")["dead"] == 3
    assert "give --yes" in cli(*words, status=1).stderr
    assert "3 deliveries go out again." in cli(*words, "--yes").stderr
    assert cli.read("delivery", "summary")["queued"] == 3


def test_drop_with_a_reason(cli: Cli, record: Record, someone: Someone) -> None:
    scenes.dead(record, someone.tenant, 2)
    [one, _] = cli.read("delivery", "list", "--state", "dead")
    cli("delivery", "drop", one["id"], "--reason", "moved", "--yes")
    [dropped] = cli.read("delivery", "list", "--state", "dropped")
    assert "dropped by respond robot: moved" in dropped["sentence"]
    assert "give ids, or --all" in cli("delivery", "drop", "--reason", "r", status=1).stderr
    assert "give ids, or --all" in cli("delivery", "retry", status=1).stderr
