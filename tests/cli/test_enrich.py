"""`tocsin enrich`: what a document would add to an alert, without asking anybody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from tocsin import cli

POLICY = """
route: {}
enrichment:
  table: [{set: {note: hello}}]
  steps:
    - extract: {from: annotations.summary, pattern: 'on (?P<host>\\S+)', labels: [host]}
    - {name: cmdb, http: {url: "https://cmdb.example.com/{labels.host}", facts: [owner]}}
"""


def run(file: Path | str, *words: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli.app, ["enrich", str(file), *words], input=text)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "policy.yml"
    made.write_text(POLICY)
    return made


def test_it_shows_what_is_given_and_what_would_be_asked(file: Path) -> None:
    done = run(file, "service=api", "-a", "summary=full on db=1", "-o", "json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout) == {
        "labels": {"host": "db=1"},
        "facts": {"note": "hello"},
        "missing": ["cmdb (late)"],
        "asks": ["https://cmdb.example.com/db%3D1"],
    }


def test_a_person_gets_a_line_for_each_from_stdin_too() -> None:
    done = run("-", "service=api", text=POLICY)
    assert done.exit_code == 0, done.output
    assert "FACTS    note=hello" in done.stdout.splitlines()
    assert "ASKS     -" in done.stdout.splitlines()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["policy.yml", "service"], "'service' is not name=value"),
        (["nowhere.yml", "a=b"], "nowhere.yml cannot be read"),
    ],
)
def test_what_cannot_be_read_is_said(
    file: Path, words: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(file.parent)
    done = run(*words)
    assert done.exit_code == 1
    assert said in done.stderr


def test_a_broken_document_is_refused_with_its_line(file: Path) -> None:
    file.write_text(POLICY.replace("extract:", "extrakt:"))
    done = run(file, "a=b")
    assert done.exit_code == 1
    assert "line 6: unknown key `extrakt`" in done.stderr
    assert "did you mean `extract`?" in done.stderr
