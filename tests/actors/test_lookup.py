"""Facts of other systems: in time, late, missing, out of date, and never a page that waits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from tests.actors.cmdb import CMDB, LATE, WAITING, Cmdb, ask, page, running, told
from tests.actors.conftest import Hall, alert
from tests.actors.test_enrich import HEAD, facts, paths, receivers
from tocsin.demo.fakes import server

ROW = "SELECT given, due_at, attempts, error, fetched_at FROM lookup"


@pytest.fixture
def cmdb() -> Iterator[Cmdb]:
    with running() as made:
        yield made


def test_the_page_goes_out_at_once_says_what_is_missing_and_late_facts_lead_elsewhere(
    hall: Hall, cmdb: Cmdb
) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    page(hall)
    assert told(tenant) == [("", [LATE])]
    assert cmdb.asked == []
    assert tenant.one(WAITING) == 1
    hall.settle()
    assert facts(tenant) == {"added": {"team": "core"}, "extra": {"owner": "Ann"}}
    assert receivers(tenant) == ["core"]
    assert ("/core", []) in told(tenant)
    assert tenant.column("SELECT kind FROM alert_event ORDER BY id") == ["new", "enriched"]
    assert tenant.one(WAITING) == 0


def test_facts_that_are_known_are_there_from_the_first_message_on(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    hall.settle()
    tenant.send(alert("Other", host="h1"))
    hall.settle()
    assert paths(tenant)[-1] == ("/core", "firing")
    assert len(cmdb.asked) == 1
    assert tenant.column("SELECT kind FROM alert_event ORDER BY id")[-1] == "new"


def test_many_alerts_about_one_thing_ask_once_and_all_come_round(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(*(alert(host="h1", n=str(n)) for n in range(300)))
    hall.settle()
    assert len(cmdb.asked) == 1
    assert set(receivers(tenant)) == {"core"}
    assert tenant.one("SELECT count(*) FROM alert WHERE added IS NULL") == 0


def test_two_tenants_never_share_an_answer(hall: Hall, cmdb: Cmdb) -> None:
    one, other = cmdb.tenant(hall), cmdb.tenant(hall)
    one.send(alert(host="h1"))
    hall.settle()
    cmdb.known["/hosts/h1"] = {"owner": {"team": "elsewhere"}}
    other.send(alert(host="h1"))
    hall.settle()
    assert len(cmdb.asked) == 2
    assert facts(one)["added"] == {"team": "core"}
    assert facts(other)["added"] == {"team": "elsewhere"}
    assert other.one("SELECT count(*) FROM lookup") == 1


def test_what_another_system_does_not_know_is_remembered_and_no_gap(
    hall: Hall, cmdb: Cmdb, travel: Callable[..., None]
) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h2"))
    hall.settle()
    assert facts(tenant) == {"added": {}, "extra": {}}
    tenant.send(alert("Other", host="h2"))
    hall.settle()
    assert len(cmdb.asked) == 1
    travel(minutes=5)
    cmdb.known["/hosts/h2"] = cmdb.known["/hosts/h1"]
    tenant.send(alert("Third", host="h2"))
    hall.settle()
    assert len(cmdb.asked) == 2
    assert receivers(tenant) == ["core", "ops", "ops"]


def test_an_answer_is_good_for_its_time_and_then_used_and_said_to_be_old(
    hall: Hall, cmdb: Cmdb, travel: Callable[..., None]
) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    hall.settle()
    travel(minutes=59)
    tenant.send(alert("Fresh", host="h1"))
    page(hall)
    assert told(tenant)[-1] == ("/core", [])
    travel(minutes=1)
    cmdb.reply = server.Reply(503)
    tenant.send(alert("Stale", host="h1"))
    page(hall)
    place, (note,) = told(tenant)[-1]
    assert place == "/core"
    assert note.startswith("Facts of cmdb may be out of date: they are from 20")
    cmdb.reply = None
    cmdb.known["/hosts/h1"] = {"owner": {"team": "shop"}}
    hall.settle()
    stale = "SELECT added FROM alert WHERE labels LIKE '%%Stale%%'"
    assert json.loads(tenant.one(stale)) == {"team": "shop"}
    others = "SELECT DISTINCT added FROM alert WHERE labels NOT LIKE '%%Stale%%'"
    assert json.loads(tenant.one(others)) == {"team": "core"}, "those were told and stay"


BAD = {
    "down": server.Reply(manner="cut"),
    "slow": server.Reply(manner="hang"),
    "drip": server.Reply(200, b'{"owner": {"team": "core"}}' * 50, manner="drip"),
    "huge": server.Reply(200, b'{"owner": {"team": "core"}}', manner="huge"),
    "long": server.Reply(200, b'{"owner": {"team": "core"}, "x": "' + b"x" * 70_000 + b'"}'),
    "deep": server.Reply(200, b"[" * 60_000),
    "not json": server.Reply(200, b"<html>"),
    "redirect": server.Reply(302, headers={"location": "http://169.254.169.254/latest"}),
    "broken": server.Reply(500),
    "not allowed": server.Reply(403),
}


@pytest.mark.parametrize("kind", BAD)
def test_whatever_the_other_system_does_the_page_goes_out_and_it_is_asked_again(
    hall: Hall, cmdb: Cmdb, travel: Callable[..., None], kind: str
) -> None:
    tenant = cmdb.tenant(hall)
    cmdb.reply = BAD[kind]
    tenant.send(alert(host="h1"))
    ask(hall)
    page(hall)
    assert told(tenant) == [("", [LATE])]
    (row,) = tenant.rows(ROW)
    assert (row["given"], row["attempts"]) == (None, 1)
    assert row["error"]
    assert "169.254" not in row["error"]
    assert 1 < (row["due_at"] - tenant.now).total_seconds() <= 2
    hall.settle()
    assert len(cmdb.asked) == 1, "not before its time"
    cmdb.reply = None
    travel(seconds=2)
    hall.settle()
    assert receivers(tenant) == ["core"]


def test_a_private_address_is_never_asked(
    hall: Hall, cmdb: Cmdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    strict = hall.runtime.settings.model_copy(update={"egress_allow": "10.9.9.0/24"})
    monkeypatch.setattr(hall.runtime, "settings", strict)
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    ask(hall)
    assert cmdb.asked == []
    assert "not public" in tenant.one("SELECT error FROM lookup")


def test_it_is_asked_less_and_less_often_and_not_at_all_when_nobody_waits(
    hall: Hall, cmdb: Cmdb, travel: Callable[..., None]
) -> None:
    tenant = cmdb.tenant(hall)
    cmdb.reply = server.Reply(503)
    tenant.send(alert(host="h1"))
    waits = []
    for _ in range(14):
        ask(hall)
        (due,) = tenant.column("SELECT due_at FROM lookup")
        waits.append(round((due - tenant.now).total_seconds()))
        travel(seconds=(due - tenant.now).total_seconds())
    assert waits[:5] == [2, 5, 15, 30, 60]
    assert waits[-1] == 300
    tenant.send(alert(host="h1", status="resolved", ends=tenant.now))
    ask(hall)
    assert tenant.one("SELECT due_at FROM lookup") is None
    tenant.send(alert("Other", host="h1"))
    (due,) = tenant.column("SELECT due_at FROM lookup")
    assert due > tenant.now, "the pause is kept"


def test_a_provider_that_asks_for_patience_gets_it(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall)
    cmdb.reply = server.Reply(429, headers={"retry-after": "120"})
    tenant.send(alert(host="h1"))
    ask(hall)
    wait = tenant.one("SELECT due_at FROM lookup") - tenant.now
    assert 110 < wait.total_seconds() <= 120


def test_late_facts_about_an_alert_that_is_over_change_nothing(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    page(hall)
    ask(hall)  # the change "enriched" waits in the inbox
    tenant.send(alert(host="h1", status="resolved", ends=tenant.now))
    hall.settle()
    assert paths(tenant) == [("", "firing"), ("", "resolved")]
    assert facts(tenant)["added"] == {}
    causes = tenant.column("SELECT cause FROM alert_event WHERE kind = 'enriched'")
    assert causes == ["it is over"]


def test_nobody_is_asked_for_an_alert_that_lacks_what_the_address_needs(
    hall: Hall, cmdb: Cmdb
) -> None:
    tenant = cmdb.tenant(hall, (HEAD + CMDB).replace('[host!=""]', "[]"))
    tenant.send(alert(), alert("Up", host=".."), alert("Long", host="x" * 3000))
    hall.settle()
    assert cmdb.asked == []
    assert tenant.column("SELECT extra FROM alert") == [None] * 3


def test_what_an_alert_says_stays_one_segment_of_the_address(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1/../x?a=b#c\r\nx: y\ud800".encode("utf-8", "replace").decode()))
    hall.settle()
    (asked,) = cmdb.asked
    assert asked.target == "/hosts/h1%2F..%2Fx%3Fa%3Db%23c%0D%0Ax%3A%20y%3F"
