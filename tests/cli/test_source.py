"""`tocsin source preview`, and refused alerts of mapped and signed sources that are tried again."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from ingest import means
from tests.cli.conftest import Cli
from tests.conftest import Servers
from tests.web.conftest import Someone
from tests.web.servers import serving
from tocsin.config.settings import Settings
from tocsin.security import signatures
from tocsin.serve import Served
from tocsin.storage import policies
from tocsin.storage.record import Record

POLICY = """
route: {}
sources:
  - name: checks
    alerts: body.items
    when: not (alert.quiet == true)
    alertname: alert.name
    severity: '"critical"'
"""
BODY = {"items": [{"name": "a"}, {"quiet": True}]}
SECRET = "a long random string"


@pytest.fixture
def files(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "policy.yml").write_text(POLICY)
    (tmp_path / "body.json").write_text(json.dumps(BODY))
    return str(tmp_path / "policy.yml"), str(tmp_path / "body.json")


def test_a_preview_from_files(cli: Cli, files: tuple[str, str]) -> None:
    policy, body = files
    done = cli("source", "preview", "checks", "--file", policy, "--body", body)
    head, row = done.stdout.splitlines()
    assert head.split()[:4] == ["INDEX", "FINGERPRINT", "STATUS", "SEVERITY"]
    assert row.split()[0] == "0"
    assert row.split()[2:4] == ["firing", "critical"]
    assert 'alertname="a"' in row
    assert "1 taken, 0 refused, 1 left out by `when`" in done.stderr
    document = json.loads(
        cli("source", "preview", "checks", "--file", policy, "--body", body, "-o", "json").stdout
    )
    assert document["alerts"][0]["labels"] == {"alertname": "a", "severity": "critical"}


def test_a_preview_ends_badly_where_something_would_be_refused(
    cli: Cli, files: tuple[str, str]
) -> None:
    odd = json.dumps({"items": [{"name": []}]})
    words = ("source", "preview", "checks", "--file", files[0], "--body", "-")
    done = cli(*words, status=1, text=odd)
    assert "alertname" in done.stdout
    assert "1 would be refused" in done.stderr


def test_what_cannot_be_previewed_is_told(cli: Cli, files: tuple[str, str]) -> None:
    policy, body = files
    said = cli("source", "preview", "cheks", "--file", policy, "--body", body, status=1).stderr
    assert "there is checks" in said
    words = ("source", "preview", "checks", "--file", policy, "--body")
    assert "not JSON" in cli(*words, "-", status=1, text="{").stderr
    assert "cannot be read" in cli(*words, "/no/such/file", status=1).stderr
    bad = POLICY.replace("alert.name", "alrt.name")
    Path(policy).write_text(bad)
    assert "line 7" in cli(*words, body, status=1).stderr


def test_a_preview_of_what_is_in_force(
    cli: Cli, files: tuple[str, str], someone: Someone, record: Record
) -> None:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
    admin = Cli({**cli.environment, "TOCSIN_TOKEN": someone.tokens["admin"]})
    done = admin("source", "preview", "checks", "--body", files[1], "-o", "json")
    assert len(json.loads(done.stdout)["alerts"]) == 1


@pytest.fixture
def door(cli: Cli, servers: Servers, tmp_path: Path) -> Iterator[Cli]:
    """The command line beside a process that takes alerts in."""
    key, secrets = tmp_path / "master.key", tmp_path / "tenants"
    key.write_text(base64.b64encode(os.urandom(32)).decode())
    settings = Settings(
        DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url, master_key_file=key,
        secrets_dir=secrets,
    )  # fmt: skip
    named = {"TOCSIN_MASTER_KEY_FILE": str(key), "TOCSIN_SECRETS_DIR": str(secrets)}
    with serving(Served(settings)) as url:
        yield Cli({**cli.environment, **named, "TOCSIN_URL": url})


def waiting(record: Record, someone: Someone) -> int:
    with record.session([someone.tenant]) as tx:
        row = tx.row("SELECT coalesce(sum(alerts), 0) AS n FROM inbox")
        assert row is not None
        return int(row["n"])


def test_a_refused_alert_is_read_by_the_repaired_mapping(
    door: Cli, record: Record, someone: Someone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(means, "FRESH_SECONDS", 0)
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY.replace("alert.name", "alert.nom"), "test")
    url = door.environment["TOCSIN_URL"]
    path = f"{url}/i/{someone.tokens['ingest']}/mapped/checks"
    assert len(httpx.post(path, json=BODY, trust_env=False).json()["rejected"]) == 1
    tenant = ("--tenant", someone.slug)
    refused = door("quarantine", "replay", "--all", *tenant, status=1)
    assert "refused again: alertname" in refused.stdout
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
    first = json.loads(door("quarantine", "list", *tenant, "-o", "json").stdout)[-1]["id"]
    done = door("quarantine", "replay", first, *tenant)
    assert "replayed" in done.stdout
    assert waiting(record, someone) == 1


def test_a_replay_is_signed_where_grafana_must_sign(
    door: Cli, record: Record, someone: Someone
) -> None:
    folder = Path(door.environment["TOCSIN_SECRETS_DIR"]) / someone.slug
    folder.mkdir(parents=True)
    url = door.environment["TOCSIN_URL"]
    path = f"{url}/i/{someone.tokens['ingest']}/grafana"
    bad = {"alerts": [{"status": "firing", "labels": {"alertname": "a"}, "imageURL": 7}]}
    assert httpx.post(path, json=bad, trust_env=False).json()["rejected"]
    (folder / signatures.GRAFANA_SECRET).write_text(SECRET)
    said = door("quarantine", "replay", "--all", "--tenant", someone.slug, status=1).stdout
    assert "imageURL" in said, "it came in, and was refused for what it is"
