"""Nouns that go over the API."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Cli
from tests.web import seeds
from tests.web.conftest import Someone
from tocsin.storage import policies
from tocsin.storage.record import Record


@pytest.fixture
def story(record: Record, someone: Someone) -> seeds.Story:
    return seeds.story(record, someone.tenant, instance="db-1")


def test_alerts(cli: Cli, story: seeds.Story) -> None:
    lines = cli("alert", "list").stdout.splitlines()
    assert lines[0].split() == [
        "FINGERPRINT", "STATUS", "SEVERITY", "STARTS_AT", "COUNT", "SILENCED_BY", "LABELS",
    ]  # fmt: skip
    assert lines[1].startswith(f"{story.fingerprint}  firing  critical")
    assert lines[1].endswith("alertname=DiskFull instance=db-1")
    assert "\x1b" not in lines[1]
    [found] = cli.read("alert", "list", "instance=~db.*", "--severity", "critical")
    assert found["fingerprint"] == story.fingerprint
    assert cli.read("alert", "list", "instance=none") == []
    whole = yaml.safe_load(cli("alert", "show", story.fingerprint, "-o", "yaml").stdout)
    assert whole["events"][0]["outcome"] == "failed"
    assert "Failed: no delivery" in cli("alert", "show", story.fingerprint).stdout


def test_more_than_one_page(cli: Cli, record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        for n in range(230):
            seeds.alert(tx, someone.tenant, {"n": str(n)})
    found = {item["fingerprint"] for item in cli.read("alert", "list", "--limit", "500")}
    assert len(found) == 230
    assert len(cli.read("alert", "list", "-n", "205")) == 205


def test_an_incident_from_open_to_resolved(cli: Cli, story: seeds.Story) -> None:
    incident = str(story.incident)
    assert [item["id"] for item in cli.read("incident", "list")] == [incident]
    done = cli("incident", "ack", incident, "--note", "on my way")
    assert done.stdout == f"{incident}  acknowledged  DiskFull\n"
    assert "on my way" in cli("incident", "show", incident).stdout
    why = cli("incident", "why", incident).stdout
    assert "Version 3 of the policy routes it to the receiver team-db" in why
    assert "      " in why
    assert "attempt 1: dead (clientError, 404, channel_not_found)" in why
    assert json.loads(cli("incident", "why", incident, "-o", "json").stdout)["route"] == "root/0"
    cli("incident", "resolve", incident)
    assert cli.read("incident", "list") == []
    assert len(cli.read("incident", "list", "--state", "resolved")) == 1
    assert "resolved already" in cli("incident", "ack", incident, status=1).stderr


def test_what_people_do_to_an_incident(
    cli: Cli, story: seeds.Story, record: Record, someone: Someone
) -> None:
    incident = str(story.incident)
    document = (
        "route: {}\naccounts: {email: {host: mail.example.org, from: t@example.org}}\n"
        "people: [{name: ben, email: ben@example.org}]\n"
    )
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, document, "test")
    done = cli("incident", "snooze", incident, "--for", "1h").stdout
    assert done.startswith(f"{incident}  acknowledged  DiskFull\n")
    assert "Re-opens at" in done
    assert cli("incident", "unack", incident).stdout == f"{incident}  open  DiskFull\n"
    assert "acknowledged" in cli("incident", "handover", incident, "--to", "ben").stdout
    assert "did you mean `ben`?" in cli(
        "incident", "handover", incident, "--to", "bem", status=1
    ).stderr  # fmt: skip
    cli("incident", "resolve", incident)
    assert cli("incident", "reopen", incident).stdout == f"{incident}  open  DiskFull\n"


def test_incidents_are_merged_and_split(
    cli: Cli, story: seeds.Story, record: Record, someone: Someone
) -> None:
    other = seeds.story(record, someone.tenant, instance="db-2")
    into, gone = str(story.incident), str(other.incident)
    done = cli("incident", "merge", into, gone, "--note", "one disk").stdout
    assert done == f"{into}  open  DiskFull\n"
    shown = cli("incident", "show", into).stdout
    assert f"merged it in from the incident {gone}" in shown
    assert "one disk" in shown
    assert f"merged it in from the incident {gone}" in cli("incident", "why", into).stdout
    assert "into itself" in cli("incident", "merge", into, into, status=1).stderr
    made = cli("incident", "split", into, str(other.group)).stdout.split()
    assert made[1] == "open"
    assert {item["id"] for item in cli.read("incident", "list")} == {into, made[0]}


def test_deliveries(cli: Cli, story: seeds.Story) -> None:
    [found] = cli.read("delivery", "list", "--state", "dead")
    assert "channel_not_found" in cli("delivery", "show", found["id"]).stdout
    assert cli("delivery", "retry", found["id"]).stdout == f"{found['id']}  pending\n"
    assert "only a dead one" in cli("delivery", "retry", found["id"], status=1).stderr


def test_a_silence_from_beginning_to_end(cli: Cli) -> None:
    words = ("silence", "add", "alertname=DiskFull", "instance=~db-.*", "-d", "2h", "-c", "disks")
    made = cli(*words).stdout.strip()
    [found] = cli.read("silence", "list")
    assert found["id"] == made
    assert found["matchers"] == ['alertname="DiskFull"', 'instance=~"db-.*"']
    assert cli("silence", "expire", made).stdout == f"{made}  expired\n"
    assert cli.read("silence", "list") == []
    assert [item["state"] for item in cli.read("silence", "list", "--state", "all")] == ["expired"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("silence", "add", "a=~.*", "-d", "2h", "-c", "c"), 1, "silence everything"),
        (("silence", "add", "a=b", "-d", "2", "-c", "c"), 1, "not a duration"),
        (("silence", "add", "a=b", "-d", "2h"), 2, "--comment"),
        (("alert", "list", "a=~("), 1, "bad regular expression"),
        (("alert", "list", "--status", "open"), 1, "firing"),
        (("alert", "list", "--output", "xml"), 2, "xml"),
        (("incident", "show", "../../../metrics"), 1, "nothing at this address"),
        (("incident", "show", "x"), 1, "no such incident"),
        (("alert", "nonsense"), 2, "nonsense"),
    ],
)
def test_errors_say_what_to_do(cli: Cli, words: tuple[str, ...], status: int, said: str) -> None:
    done = cli(*words, status=status)
    assert said in done.stderr
    assert done.stdout == ""
    if status == 1:
        assert done.stderr.startswith("error: ")
        assert done.stderr.count("\n") == 1


def test_a_token_that_may_not(cli: Cli, as_: Callable[[str], Cli], someone: Someone) -> None:
    assert "'respond' scope" in as_(someone.tokens["read"])(
        "silence", "add", "a=b", "-d", "1h", "-c", "c", status=1
    ).stderr  # fmt: skip
    assert "401" in as_("toc_wrong")("alert", "list", status=1).stderr


def test_nobody_answers(cli: Cli) -> None:
    for url in ("http://127.0.0.1:1", "nonsense", "http://[", "http://\u2603.invalid"):
        done = cli("alert", "list", "--url", url, status=1)
        assert "nothing answers at" in done.stderr
        assert "--url" in done.stderr


def test_the_home_says_where(cli: Cli, someone: Someone, tmp_path: Path) -> None:
    bare = Cli({"TOCSIN_HOME": str(tmp_path), "TOCSIN_URL": "", "TOCSIN_TOKEN": ""})
    assert "tocsin up" in bare("alert", "list", status=1).stderr
    (tmp_path / "run").mkdir()
    noted = {"url": cli.environment["TOCSIN_URL"], "database_url": cli.environment["DATABASE_URL"]}
    (tmp_path / "run" / "env.json").write_text(json.dumps(noted))
    assert "TOCSIN_TOKEN" in bare("alert", "list", status=1).stderr
    (tmp_path / "admin.token").write_text(someone.tokens["admin"] + "\n")
    assert bare.read("alert", "list") == []
    assert someone.slug in bare("tenant", "list").stdout
    (tmp_path / "run" / "env.json").write_text("{")
    assert "cannot be read" in bare("tenant", "list", status=1).stderr


def test_what_others_sent_cannot_move_the_cursor(
    cli: Cli, record: Record, someone: Someone
) -> None:
    with record.session([someone.tenant]) as tx:
        seeds.alert(tx, someone.tenant, {"a": "\x1b[2J\nFAKE  row\r\u202e"})
    lines = cli("alert", "list").stdout.splitlines()
    assert len(lines) == 2
    assert not any(char in lines[1] for char in "\x1b\r\u202e")
