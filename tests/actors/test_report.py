"""Reports in virtual time: Monday comes, the report is made once, and the letter goes out."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from email.message import EmailMessage
from zoneinfo import ZoneInfo

import pytest

from scheduler import reporting, sweep
from tests.actors.conftest import Hall, Tenant
from tests.actors.test_flush import act, fire, over
from tests.scheduler.conftest import Bell
from tocsin.demo.fakes import faults
from tocsin.storage import incidents
from workers import queues
from workers.broker import client

POLICY = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 0s}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
accounts:
  email: {host: 127.0.0.1, port: %d, tls: none, from: Tocsin <reports@example.org>}
people:
  - {name: anna, email: "anna-%s@example.org", zone: Europe/Berlin}
service_levels:
  - {name: gold, acknowledge: 15m}
reports:
  - {name: mondays, kind: weekly, zone: Europe/Berlin, to: [anna, "boss-%s@example.org"]}
  - {name: mornings, kind: daily, zone: Europe/Berlin, at: "07:30"}
"""
SERIES = "SELECT name, next_run_at FROM report_schedule ORDER BY name"
MADE = "SELECT * FROM report WHERE schedule = 'mondays' ORDER BY starts_at"
LETTERS = "SELECT * FROM report_letter ORDER BY address"
Travel = Callable[..., None]
BERLIN = ZoneInfo("Europe/Berlin")


def planned(hall: Hall) -> tuple[Tenant, str]:
    """A tenant on a Wednesday noon, and what its addresses end in."""
    wednesday = datetime(2031, 3, 26, 11, tzinfo=UTC)
    tenant = hall.tenant(None)
    hall.travel(wednesday - tenant.now)
    tenant.apply(POLICY % (hall.providers.mail.port, tenant.slug, tenant.slug))
    hall.settle()
    return tenant, f"{tenant.slug}@example.org"


def to_monday(hall: Hall, tenant: Tenant) -> None:
    """To Monday, a second after eight: the clock was put forward the day before."""
    hall.travel(datetime(2031, 3, 31, 8, 0, 1, tzinfo=BERLIN) - tenant.now)


def letters(hall: Hall, address: str) -> list[EmailMessage]:
    return [each.parsed() for each in hall.providers.mail.messages(address)]


def test_monday_at_eight_the_report_of_the_week_is_mailed(hall: Hall) -> None:
    tenant, end = planned(hall)
    fire(tenant, severity="critical")
    hall.settle()
    hall.travel(datetime(2031, 3, 26, 12, tzinfo=UTC) - tenant.now)
    act(tenant, incidents.acknowledge)
    over(tenant, severity="critical")
    hall.settle()
    assert tenant.column(MADE) == []
    to_monday(hall, tenant)
    hall.settle()
    [made] = tenant.rows(MADE)
    assert made["starts_at"] == datetime(2031, 3, 24, tzinfo=BERLIN)
    assert made["ends_at"] == datetime(2031, 3, 31, tzinfo=BERLIN)
    figures = {each.key: each.value for each in reporting.content(made["content"]).figures}
    assert (figures["incidents"], figures["breaches"], figures["acted"]) == (1, 1, 1)
    assert 3500 < (figures["mtta_p50"] or 0) < 3700
    [letter] = letters(hall, f"anna-{end}")
    assert letter["Subject"].startswith("Service levels, 2031-03-24 to 2031-03-30")
    assert letter["To"] == f"anna-{end}"
    html, plain = letter.get_body(("html",)), letter.get_body(("plain",))
    assert html is not None
    assert plain is not None
    assert html.get_content().split() == reporting.unpacked(made["html"]).split()
    assert "Incidents: 1" in plain.get_content()
    assert len(letters(hall, f"boss-{end}")) == 1
    assert {row["state"] for row in tenant.rows(LETTERS)} == {"sent"}
    due = dict(tenant.rows(SERIES)[0])
    assert due["next_run_at"] == datetime(2031, 4, 7, 8, tzinfo=BERLIN)


def test_no_tick_a_double_one_or_one_of_two_workers_make_one_report(hall: Hall) -> None:
    tenant, end = planned(hall)
    to_monday(hall, tenant)
    # All that Redis held is gone, ticks and rings: the sweep reads what is due from the record.
    with client(hall.servers.redis_url) as connection:
        connection.flushdb()
    bell = Bell()
    sweep.sweep(hall.record, bell, queues.of_stages(""))
    assert bell.rung == [("report", "background")]
    hall.ring("report", "report", queue="background")
    hall.ring("report", queue="background")
    with hall.record.session([tenant.id]) as tx:
        # As if the transaction that made it had not known that it is made.
        tx.run("UPDATE report_schedule SET next_run_at = %s WHERE name = 'mondays'",
               [datetime(2031, 3, 31, 8, tzinfo=BERLIN)])  # fmt: skip
        tx.run("INSERT INTO timer (tenant, kind, subject, due_at) VALUES (%s, 'report',"
               " 'series mondays', %s) ON CONFLICT (tenant, kind, subject)"
               " DO UPDATE SET due_at = excluded.due_at", [tenant.id, tx.now])  # fmt: skip
    hall.settle()
    assert len(tenant.rows(MADE)) == 1
    assert len(letters(hall, f"anna-{end}")) == 1


def test_after_a_long_silence_each_time_has_its_report_and_the_newest_a_letter(hall: Hall) -> None:
    tenant, end = planned(hall)
    hall.travel(datetime(2031, 4, 15, 9, tzinfo=BERLIN) - tenant.now)
    hall.settle()
    starts = tenant.column("SELECT starts_at FROM report WHERE schedule = 'mondays' ORDER BY 1")
    assert starts == [datetime(2031, m, d, tzinfo=BERLIN) for m, d in ((3, 24), (3, 31), (4, 7))]
    assert len(letters(hall, f"anna-{end}")) == 1
    assert tenant.one("SELECT count(*) FROM report WHERE schedule = 'mornings'") == 20


def test_a_mail_server_that_fails_is_tried_again(hall: Hall, travel: Travel) -> None:
    tenant, end = planned(hall)
    hall.providers.script.add(faults.Fault("status", status=451, times=1), dest=f"anna-{end}")
    to_monday(hall, tenant)
    hall.settle()
    anna, boss = tenant.rows(LETTERS)
    assert (anna["state"], boss["state"]) == ("pending", "sent")
    assert anna["cause"]
    travel(minutes=1)
    hall.settle()
    assert tenant.rows(LETTERS)[0]["state"] == "sent"
    assert len(letters(hall, f"anna-{end}")) == 1


def test_a_lost_answer_is_sent_again_under_the_same_id_and_says_so(
    hall: Hall, travel: Travel
) -> None:
    tenant, end = planned(hall)
    hall.providers.script.add(faults.Fault("cut_after", times=1), dest=f"anna-{end}")
    to_monday(hall, tenant)
    hall.settle()
    travel(minutes=2)
    hall.settle()
    one, two = letters(hall, f"anna-{end}")
    assert one["Message-ID"] == two["Message-ID"]
    body = two.get_body(("plain",))
    assert body is not None
    assert body.get_content().startswith("This may be a repeat")


def test_an_address_that_is_gone_is_given_up_and_said(hall: Hall) -> None:
    tenant, end = planned(hall)
    hall.providers.script.add(faults.Fault("status", status=550), dest=f"anna-{end}")
    to_monday(hall, tenant)
    hall.settle()
    assert tenant.rows(LETTERS)[0]["state"] == "dead"
    assert tenant.one(
        "SELECT count(*) FROM alert WHERE labels LIKE '%%TocsinReportUndelivered%%'"
    ) == 1  # fmt: skip


def test_a_report_that_cannot_be_made_is_put_off_told_and_made_in_the_end(
    hall: Hall, travel: Travel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, _ = planned(hall)

    def broken(*_: object) -> uuid.UUID:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(reporting, "make", broken)
        to_monday(hall, tenant)
        for _ in range(5):
            travel(minutes=10)
            hall.settle()
        row = tenant.rows("SELECT * FROM report_schedule WHERE name = 'mondays'")[0]
        assert (row["attempts"], row["error"]) == (5, "RuntimeError: a bug")
    told = "SELECT labels FROM alert WHERE labels LIKE '%%TocsinReportFailed%%'"
    assert len(tenant.column(told)) == 1
    travel(minutes=10)
    hall.settle()
    assert len(tenant.rows(MADE)) == 1
    row = tenant.rows("SELECT * FROM report_schedule WHERE name = 'mondays'")[0]
    assert (row["attempts"], row["error"]) == (0, None)


def test_a_series_follows_the_policy(hall: Hall) -> None:
    tenant, _ = planned(hall)
    before = tenant.rows(SERIES)
    assert [row["name"] for row in before] == ["mondays", "mornings"]
    text = POLICY % (hall.providers.mail.port, "x", "y")
    tenant.apply(text.replace("mornings", "evenings").replace("07:30", "19:30"))
    hall.settle()
    after = {row["name"]: row["next_run_at"] for row in tenant.rows(SERIES)}
    assert after.keys() == {"evenings", "mondays"}
    assert after["mondays"] == before[0]["next_run_at"]
    assert after["evenings"] == datetime(2031, 3, 26, 19, 30, tzinfo=BERLIN)
    assert set(tenant.column("SELECT subject FROM timer WHERE kind = 'report'")) == {
        "series evenings", "series mondays",
    }  # fmt: skip
