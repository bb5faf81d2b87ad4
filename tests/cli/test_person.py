"""People from the command line."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import Cli
from tests.web import seeds, test_people
from tests.web.conftest import Someone
from tocsin.storage import policies
from tocsin.storage.record import Record


@pytest.fixture(autouse=True)
def applied(record: Record, someone: Someone) -> None:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, test_people.POLICY, "test")
        seeds.code(tx, someone.tenant, "anna", "sms", test_people.PHONE, "123456")


def test_from_list_to_verified(cli: Cli) -> None:
    assert "sms:unverified email:unverified" in cli("person", "list").stdout
    assert "not the code" in cli("person", "verify", "anna", "sms", "654321", status=1).stderr
    done = cli("person", "verify", "anna", "sms", "123456")
    assert done.stdout == f"sms {test_people.PHONE}  verified\n"
    assert "sms:verified email:unverified" in cli("person", "list").stdout
    anna, ben = cli.read("person", "list")
    assert (anna["name"], ben["name"]) == ("anna", "ben")


def test_a_person_is_shown(cli: Cli) -> None:
    done = cli("person", "show", "anna")
    assert "SHOWN                  Anna Alt" in done.stdout
    assert "If a page began now (important):" in done.stdout
    assert done.stdout.count(f"sms {test_people.PHONE}") == 3
    assert "! sms" in done.stderr
    assert re.search(r"LOCAL_TIME +\d{4}-\d\d-\d\d \d\d:\d\d Europe/Berlin\n", done.stdout)
    assert cli.read("person", "show", "anna")["zone"] == "Europe/Berlin"
    assert "nobody of this name" in cli("person", "show", "zoe", status=1).stderr


def test_a_preview(cli: Cli) -> None:
    at = ("--at", "2026-03-28T23:30:00Z")
    done = cli("person", "preview", "anna", "--urgency", "default", *at)
    assert done.stdout.count("2026-03-29 07:00 Europe/Berlin") == 4, "when, and held until"
    found = cli.read("person", "preview", "anna", *at)
    assert [each["due_at"] for each in found["pages"]] == [
        "2026-03-28T23:30:00Z", "2026-03-28T23:32:00Z",
    ]  # fmt: skip
    assert "timezone" in cli("person", "preview", "anna", "--at", "2026-03-28", status=1).stderr


def test_test_pages(cli: Cli) -> None:
    done = cli("person", "test", "anna", "--by", "email")
    assert "anna@example.org" in done.stdout
    assert "tocsin person verify anna WAY CODE" in done.stderr
    assert "! email was tested less than a minute ago" in cli("person", "test", "anna").stderr
    assert "in a minute" in cli("person", "test", "anna", status=1).stderr
