"""Previews of escalations at the command line."""

from __future__ import annotations

from tests.cli.conftest import Cli
from tests.web.conftest import Someone
from tests.web.test_escalations import AT, applied

__all__ = ["applied"]


def test_the_command_line_shows_the_same(cli: Cli, applied: Someone) -> None:
    text = cli("escalation", "preview", "primary", "--at", AT, "--severity", "critical").stdout
    lines = text.splitlines()
    assert lines[0].split() == ["AT", "STATE", "URGENCY", "WAYS", "SENTENCE"]
    assert "Anna Berg" in lines[1]
    assert "(dora: has no way to be reached)" in lines[2]
    found = cli.read("escalation", "preview", "primary", "--at", AT)
    assert len(found["steps"]) == 6
    cli("escalation", "preview", "gone", status=1)
