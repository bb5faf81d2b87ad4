"""`tocsin storm` over the API."""

from __future__ import annotations

from tests.cli.conftest import Cli
from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.storage.record import Record


def test_a_storm_at_the_command_line(cli: Cli, someone: Someone, record: Record) -> None:
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        storm = str(seeds.storm(tx, someone.tenant, story))
    [item] = cli.read("storm", "list")
    assert item["id"] == storm
    shown = cli("storm", "show", storm).stdout
    assert "cluster" in shown
    assert "92%" in shown
    assert cli.read("storm", "show", storm)["folded"] == 411
    assert "Storm: 412 alerts" in cli("storm", "ack", storm, "--note", "mine").stdout
    cli("storm", "promote", storm, str(story.group))
    assert cli.read("storm", "show", storm)["group_list"][0]["promoted_by"] == "respond robot"
    assert "  over  " in cli("storm", "end", storm).stdout
    assert "no such storm" in cli("storm", "end", str(story.incident), status=1).stderr
