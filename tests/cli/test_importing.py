"""`tocsin import alertmanager`: shown, written, put in force, and not where pages would be lost."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.web.conftest import Someone
from tocsin.security import audit
from tocsin.storage.record import Record

WHOLE = """
templates: ["words/*.tmpl"]
route: {receiver: team}
receivers:
  - name: team
    slack_configs:
      - {channel: "#team", text: '{{ template "acme" . }}'}
"""
LOSING = WHOLE + "    pagerduty_configs: [{routing_key: s3cret}]\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "acme.tmpl").write_text(
        '{{ define "acme" }}{{ .CommonLabels.alertname }}{{ end }}'
    )
    (tmp_path / "whole.yml").write_text(WHOLE)
    (tmp_path / "losing.yml").write_text(LOSING)
    return tmp_path / "whole.yml"


def test_it_only_shows_unless_it_is_told_otherwise(cli: Cli, file: Path, someone: Someone) -> None:
    done = cli("import", "alertmanager", str(file))
    assert "text: {{ labels.alertname }}" in done.stdout.replace('"', "")
    assert "1 carried over, 1 changed, 0 not carried over, 1 to do" in done.stderr
    assert "no policy in force" in cli("config", "show", "-t", someone.slug, status=1).stderr
    out = file.with_name("policy.yml")
    assert cli("import", "alertmanager", str(file), "--out", str(out)).stdout == ""
    assert out.read_text() == done.stdout
    cli("config", "check", str(out))
    found = json.loads(cli("import", "alertmanager", str(file), "-o", "json").stdout)
    assert (found["document"], found["valid"], found["silent"]) == (done.stdout, True, [])


def test_it_is_put_in_force_and_the_audit_says_where_from(
    cli: Cli, file: Path, someone: Someone, record: Record
) -> None:
    words = ("import", "alertmanager", str(file), "--apply", "--tenant", someone.slug)
    assert "version 1 is in force" in cli(*words).stderr
    assert "unchanged" in cli(*words).stderr
    assert 'channel: "#team"' in cli("config", "show", "-t", someone.slug).stdout
    with record.session([someone.tenant]) as tx:
        assert audit.verify(tx, someone.tenant) is None
        [row] = tx.rows(
            "SELECT detail FROM audit WHERE tenant = %s AND act = 'config.apply'",
            [someone.tenant],
        )
    assert json.loads(row["detail"])["imported"] == "alertmanager"


def test_what_would_lose_pages_is_not_put_in_force_unasked(
    cli: Cli, file: Path, someone: Someone
) -> None:
    words = ("import", "alertmanager", str(file.with_name("losing.yml")), "--apply")
    done = cli(*words, "--tenant", someone.slug, status=1)
    assert "would lose ways to tell: team" in done.stderr
    assert "s3cret" not in done.stdout + done.stderr
    assert "no policy in force" in cli("config", "show", "-t", someone.slug, status=1).stderr
    cli(*words, "--tenant", someone.slug, "--incomplete")


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (("-",), "route: [", "not valid YAML"),
        (("-",), "", "empty"),
        (("-",), "groups: []", "no configuration of Alertmanager"),
        (("/no/such/file",), "", "cannot be read"),
        (("-", "--apply"), WHOLE, "--apply wants --tenant"),
        (("-", "--out", "/no/such/folder/x"), WHOLE, "cannot be written"),
    ],
)
def test_trouble_is_said_in_a_sentence(
    cli: Cli, words: tuple[str, ...], text: str, said: str
) -> None:
    assert said in cli("import", "alertmanager", *words, status=1, text=text).stderr
