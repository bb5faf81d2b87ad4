"""Nouns that work on the record itself."""

from __future__ import annotations

import base64
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import zstandard

from schemas.alert import Alert, Batch
from tests.cli.conftest import Cli
from tests.conftest import Servers
from tests.web.conftest import Someone
from tests.web.servers import serving
from tocsin.config.settings import Settings
from tocsin.security import audit, crypto
from tocsin.serve import Served
from tocsin.storage import intake
from tocsin.storage.record import Record

POLICY = "route:\n  receiver: team\nreceivers:\n  - name: team\n"
#: Valid, but nothing reaches zoe.
DOUBTFUL = """people: [{name: zoe}]
escalations: [{name: primary, steps: [{notify: [{person: zoe}]}]}]
"""


def acts(record: Record, tenant: int) -> list[tuple[str, str]]:
    with record.session([tenant]) as tx:
        assert audit.verify(tx, tenant) is None
        rows = tx.rows("SELECT actor, act FROM audit WHERE tenant = %s ORDER BY seq", [tenant])
    return [(row["actor"], row["act"]) for row in rows]


def test_tenants_and_tokens(cli: Cli, record: Record) -> None:
    slug = f"made-{os.getpid()}"
    cli("tenant", "add", slug, "--name", "Made Here")
    assert "exists already" in cli("tenant", "add", slug, status=1).stderr
    assert "no tenant name" in cli("tenant", "add", "../x", status=1).stderr
    [found] = [row for row in cli.read("tenant", "list") if row["slug"] == slug]
    assert found["name"] == "Made Here"
    token = cli("token", "add", "-t", slug, "--name", "grafana", "--scope", "ingest, read").stdout
    assert token.startswith("toc_")
    [row] = cli.read("token", "list", "-t", slug)
    assert row["scopes"] == ["ingest", "read"]
    assert token.strip() not in json.dumps(row)
    cli("token", "revoke", row["id"], "-t", slug)
    assert cli.read("token", "list", "-t", slug)[0]["revoked_at"]
    assert "unknown scope" in cli(
        "token", "add", "-t", slug, "--name", "x", "--scope", "root", status=1
    ).stderr  # fmt: skip
    assert "no token" in cli("token", "revoke", str(uuid.uuid4()), "-t", slug, status=1).stderr
    assert "token list" in cli("token", "revoke", "x", "-t", slug, status=1).stderr
    assert "tenant list" in cli("token", "list", "-t", "nobody", status=1).stderr
    done = acts(record, found["id"])
    assert [act for _, act in done] == ["tenant.add", "token.add", "token.revoke"]
    assert all("@" in actor for actor, _ in done)


def test_a_policy_from_check_to_history(
    cli: Cli, someone: Someone, record: Record, tmp_path: Path
) -> None:
    file = tmp_path / "policy.yml"
    file.write_text(POLICY)
    tenant = ("--tenant", someone.slug)
    assert cli("config", "check", str(file)).stdout == "the document is valid\n"
    for whose in ((), tenant):
        checked = cli("config", "check", "-", *whose, text=POLICY + DOUBTFUL)
        assert "warning: Nothing can reach zoe" in checked.stderr
        assert checked.stdout == "the document is valid\n"
    assert "no policy in force" in cli("config", "show", *tenant, status=1).stderr
    assert cli("config", "apply", str(file), *tenant).stdout == "version 1 is in force\n"
    assert cli("config", "apply", "-", *tenant, text=POLICY).stdout.startswith("unchanged")
    cli("config", "apply", "-", *tenant, text=POLICY + "# more\n")
    assert cli("config", "show", *tenant).stdout == POLICY + "# more\n"
    assert cli("config", "show", *tenant, "--version", "1").stdout == POLICY
    assert "no version 9" in cli("config", "show", *tenant, "--version", "9", status=1).stderr
    rows = cli.read("config", "history", *tenant)
    assert [(row["version"], row["in_force"]) for row in rows] == [(2, True), (1, False)]
    done = [act for _, act in acts(record, someone.tenant)]
    assert done.count("config.apply") == 2


def test_a_bad_policy_is_refused_with_its_line(cli: Cli, someone: Someone) -> None:
    bad = POLICY.replace("team\nreceivers", "nobody\nreceivers")
    done = cli("config", "check", "-", status=1, text=bad)
    assert "line 2" in done.stderr
    cli("config", "apply", "-", "--tenant", someone.slug, status=1, text=bad)
    assert "cannot be read" in cli("config", "check", "/no/such/file", status=1).stderr
    assert json.loads(cli("config", "schema").stdout)["$schema"].startswith("https://json-schema")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    file = tmp_path / "master.key"
    file.write_text(base64.b64encode(os.urandom(32)).decode())
    return file


@pytest.fixture
def door(cli: Cli, servers: Servers, key: Path) -> Iterator[Cli]:
    """The command line beside a process that takes alerts in."""
    settings = Settings(
        DATABASE_URL=servers.database_url, REDIS_URL=servers.redis_url, master_key_file=key
    )
    with serving(Served(settings)) as url:
        yield Cli({**cli.environment, "TOCSIN_URL": url, "TOCSIN_MASTER_KEY_FILE": str(key)})


def put_in(record: Record, key: Path, tenant: int, field: str, body: bytes) -> str:
    sealer = crypto.from_file(key)
    with record.session([tenant]) as tx:
        sealer.load(tx, tenant)
        made = uuid.uuid4()
        tx.run(
            "INSERT INTO quarantine (tenant, id, received_at, source, field, reason, alerts, body)"
            " VALUES (%s, %s, %s, 'alertmanager', %s, 'odd', 1, %s)",
            [tenant, made, tx.now, field, sealer.seal(tenant, body)],
        )
    return str(made)


def waiting(record: Record, tenant: int) -> int:
    with record.session([tenant]) as tx:
        row = tx.row("SELECT coalesce(sum(alerts), 0) AS n FROM inbox WHERE tenant = %s", [tenant])
        assert row is not None
        return int(row["n"])


def test_what_was_refused_is_posted_again(
    door: Cli, record: Record, someone: Someone, key: Path
) -> None:
    tenant = ("--tenant", someone.slug)
    good = b'{"status": "firing", "labels": {"alertname": "A"}}'
    bad = b'{"status": "burning", "labels": {"alertname": "A"}}'
    fine = put_in(record, key, someone.tenant, "labels", good)
    odd = put_in(record, key, someone.tenant, "status", bad)
    assert {row["id"] for row in door.read("quarantine", "list", *tenant)} == {fine, odd}
    assert door("quarantine", "show", odd, *tenant).stdout == bad.decode()
    done = door("quarantine", "replay", "--all", *tenant, status=1)
    assert f"{fine}  replayed" in done.stdout
    assert f"{odd}  refused again: " in done.stdout
    assert "1 of 2 were refused again" in done.stderr
    assert waiting(record, someone.tenant) == 1
    replayed = {row["id"]: row["replayed_at"] for row in door.read("quarantine", "list", *tenant)}
    assert replayed[fine]
    assert not replayed[odd]
    assert "already" in door("quarantine", "replay", fine, *tenant, status=1).stderr
    with record.session([someone.tenant]) as tx:
        left = tx.rows(
            "SELECT revoked_at FROM token WHERE tenant = %s AND name LIKE 'replay%%'",
            [someone.tenant],
        )
        assert left
        assert all(row["revoked_at"] for row in left)


def test_a_batch_that_crashed_is_put_back(
    door: Cli, record: Record, someone: Someone, key: Path
) -> None:
    tenant = ("--tenant", someone.slug)
    alert = Alert("a" * 16, "firing", {"alertname": "A"}, {}, "critical")
    packed = zstandard.compress(msgspec.msgpack.encode(Batch("alertmanager", [alert])))
    row = put_in(record, key, someone.tenant, "drain", packed)
    [shown] = json.loads(door("quarantine", "show", row, *tenant).stdout)
    assert shown["labels"] == {"alertname": "A"}
    door("quarantine", "replay", row, *tenant)
    assert waiting(record, someone.tenant) == 1
    with record.session([someone.tenant]) as tx:
        [kept] = tx.rows("SELECT * FROM intake WHERE tenant = %s", [someone.tenant])
        assert crypto.from_file(key).open(tx, someone.tenant, kept["body"]) == packed
        [held] = intake.quarantined(tx, someone.tenant)
        assert held["replayed_at"]


def test_the_quarantine_wants_to_be_named(cli: Cli, someone: Someone) -> None:
    tenant = ("--tenant", someone.slug)
    assert "--all" in cli("quarantine", "replay", *tenant, status=1).stderr
    assert "no id" in cli("quarantine", "show", "x", *tenant, status=1).stderr
    assert "there is no" in cli(
        "quarantine", "show", str(uuid.uuid4()), *tenant, status=1
    ).stderr  # fmt: skip
    assert cli("quarantine", "replay", "--all", *tenant).stdout == ""
