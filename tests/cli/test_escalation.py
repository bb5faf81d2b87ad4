"""Previews of escalations at the command line."""

from __future__ import annotations

from datetime import timedelta

import channels
from tests.cli.conftest import Cli
from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.test_escalations import AT, POLICY, applied
from tocsin.config import documents
from tocsin.domain import escalation
from tocsin.storage import escalations
from tocsin.storage.record import Record

__all__ = ["applied"]


def test_the_command_line_shows_the_same(cli: Cli, applied: Someone) -> None:
    text = cli("escalation", "preview", "primary", "--at", AT, "--severity", "critical").stdout
    lines = text.splitlines()
    assert lines[0].split() == ["AT", "STATE", "URGENCY", "WAYS", "SENTENCE"]
    assert "Anna Berg" in lines[1]
    assert lines[1].startswith("2026-03-02 04:07 Europe/Berlin  ")
    assert " UTC " in lines[2], "nobody is told"
    assert "(dora: has no way to be reached)" in lines[2]
    found = cli.read("escalation", "preview", "primary", "--at", AT)
    assert len(found["steps"]) == 6
    cli("escalation", "preview", "gone", status=1)


def test_an_incident_shows_what_its_escalation_did_and_will_do(
    cli: Cli, applied: Someone, record: Record
) -> None:
    story = seeds.story(record, applied.tenant, instance="db-1")
    with record.session([applied.tenant]) as tx:
        chain = documents.parse(POLICY, channels.settings_models()).escalations["primary"]
        row = {
            "tenant": applied.tenant, "incident_id": story.incident, "name": "primary",
            "group_id": story.group, "receiver": "ops", "chain": escalation.frozen(chain),
            "reason": "first", "severity": "critical", "policy_version": 1, "generation": 1,
            "run": 1, "round": 1, "step": 2, "state": "running", "told": 1,
            "due_at": tx.now + timedelta(minutes=5), "began_at": tx.now, "ended_at": None,
            "cause": None, "alarmed": None, "shown": None, "events": [], "events_since": tx.now,
        }  # fmt: skip
        escalations.write(tx, [row])
        escalations.disarm(tx, [row])
    text = cli("incident", "show", str(story.incident)).stdout
    assert "The escalation primary goes on until somebody acts." in text
    assert "Step 3 of 3 (round 1 of 2) tells ben." in text
    (found,) = cli.read("incident", "show", str(story.incident))["escalations"]
    assert [step["number"] for step in found["steps"]] == [2, 3, 1, 2, 3]
    assert found["next_at"] == found["steps"][0]["at"]
