"""Policies compared, rolled back and exported from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.web.conftest import Someone
from tocsin.security import audit
from tocsin.storage.record import Record

ONE = "route:\n  receiver: team\nreceivers:\n  - name: team\n"
TWO = ONE.replace("receiver: team", "receiver: dba") + "  - name: dba\n"


@pytest.fixture
def tenant(cli: Cli, someone: Someone) -> tuple[str, str]:
    """One is version 1, Two is version 2 and in force."""
    for document in (ONE, TWO):
        cli("config", "apply", "-", "-t", someone.slug, text=document)
    return "--tenant", someone.slug


def test_the_exit_code_of_a_comparison_is_that_of_diff(cli: Cli, tenant: tuple[str, str]) -> None:
    assert cli("config", "diff", "-", *tenant, text=f"# more\n{TWO}").stdout == ""
    done = cli("config", "diff", "-", *tenant, status=1, text=ONE)
    assert done.stdout.splitlines() == [
        "~ routes {}", '    receiver: "dba" -> "team"', "- receivers dba",
    ]  # fmt: skip
    assert cli("config", "diff", "-", *tenant, "--version", "1", text=ONE).stdout == ""
    found = json.loads(cli("config", "diff", "-", *tenant, "-o", "json", status=1, text=ONE).stdout)
    assert (found["version"], found["same"]) == (2, False)
    assert found["changes"][1] == {
        "section": "receivers", "id": "dba", "what": "removed", "fields": [],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "text", "said"),
    [
        (("-",), "rout: {}", "unknown key"),
        (("/no/such/file",), ONE, "cannot be read"),
        (("-", "--version", "9"), ONE, "no version 9"),
        (("-", "--tenant", "nobody"), ONE, "tenant list"),
    ],
)
def test_trouble_is_2(
    cli: Cli, tenant: tuple[str, str], words: tuple[str, ...], text: str, said: str
) -> None:
    assert said in cli("config", "diff", *tenant, *words, status=2, text=text).stderr


def test_without_a_policy_all_is_new(cli: Cli, someone: Someone) -> None:
    done = cli("config", "diff", "-", "-t", someone.slug, status=1, text=ONE)
    assert done.stdout.splitlines() == ["+ routes {}", "+ receivers team"]
    assert "no policy in force" in cli("config", "export", "-t", someone.slug, status=1).stderr


def test_a_rollback_is_a_new_version_that_says_what_the_old_one_said(
    cli: Cli, tenant: tuple[str, str], someone: Someone, record: Record
) -> None:
    done = cli("config", "rollback", "1", *tenant)
    assert done.stdout == "version 3 is in force, as version 1 was\n"
    assert cli("config", "export", *tenant).stdout == ONE
    assert cli("config", "rollback", "1", *tenant).stdout.startswith("unchanged")
    assert "no version 9" in cli("config", "rollback", "9", *tenant, status=1).stderr
    with record.session([someone.tenant]) as tx:
        assert audit.verify(tx, someone.tenant) is None
        acts = [row["detail"] for row in tx.rows(
            "SELECT detail FROM audit WHERE tenant = %s AND act = 'config.rollback'",
            [someone.tenant],
        )]  # fmt: skip
        assert acts == ['{"to":1}']


def test_all_versions_are_exported(
    cli: Cli, tenant: tuple[str, str], someone: Someone, tmp_path: Path
) -> None:
    folder = tmp_path / "new" / "folder"
    cli("config", "export", *tenant, "--all", str(folder))
    assert {file.name: file.read_text() for file in folder.iterdir()} == {
        f"{someone.slug}.1.yml": ONE, f"{someone.slug}.2.yml": TWO,
    }  # fmt: skip
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    said = cli("config", "export", *tenant, "--all", str(in_the_way), status=1).stderr
    assert "cannot be written" in said
