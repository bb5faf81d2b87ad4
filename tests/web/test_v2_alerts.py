"""Alertmanager's lists of alerts and of groups: what is in them, and what keeps alerts quiet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from tests.web import seeds, v2
from tests.web.conftest import Someone, Web
from tocsin.storage import silences
from tocsin.storage.record import Record
from tocsin.web.v2 import seeing

CRITICAL = {"alertname": "A", "severity": "critical", "n": "critical"}
WARNING = {"alertname": "A", "severity": "warning", "n": "inhibited"}
SILENCED = {"alertname": "B", "severity": "info", "n": "silenced"}
MUTED = {"alertname": "C", "team": "db", "n": "muted"}
PLAIN = {"alertname": "D", "n": "plain"}


@pytest.fixture
def five(record: Record, someone: Someone) -> dict[str, str]:
    """One alert of each kind; by its name what holds it back."""
    v2.apply(record, someone)
    marks = v2.fire(record, someone, CRITICAL, WARNING, SILENCED, MUTED, PLAIN)
    v2.fire(record, someone, {"alertname": "Over", "n": "over"}, status="resolved")
    with record.session([someone.tenant]) as tx:
        past = tx.now - timedelta(seconds=1)
    v2.fire(record, someone, {"alertname": "Late", "n": "late"}, expires_at=past)
    return {"silenced": silence(record, someone, 'alertname="B"'), "inhibited": marks[0]}


def silence(record: Record, who: Someone, matcher: str, window: str | None = None) -> str:
    with record.session([who.tenant]) as tx:
        terms = silences.Terms([matcher], tx.now, tx.now + timedelta(hours=1), "c")
        return str(silences.make(tx, who.tenant, terms, "ann", window))


def held(found: list[dict[str, Any]]) -> dict[str, Any]:
    return {each["labels"]["n"]: each["status"] for each in found}


def test_what_keeps_an_alert_quiet(web: Web, someone: Someone, five: dict[str, str]) -> None:
    found = held(v2.got(web, someone, "alerts"))
    active = {"inhibitedBy": [], "mutedBy": [], "silencedBy": [], "state": "active"}
    quiet = {**active, "state": "suppressed"}
    assert found == {
        "critical": active,
        "plain": active,
        "inhibited": {**quiet, "inhibitedBy": [five["inhibited"]]},
        "silenced": {**quiet, "silencedBy": [five["silenced"]]},
        "muted": {**quiet, "mutedBy": ["always"]},
    }
    groups = v2.got(web, someone, "alerts/groups")
    assert held([each for group in groups for each in group["alerts"]]) == found


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({}, ["critical", "inhibited", "muted", "plain", "silenced"]),
        ({"active": "false"}, ["inhibited", "muted", "silenced"]),
        ({"silenced": "false", "inhibited": "false"}, ["critical", "muted", "plain"]),
        ({"muted": "false", "silenced": "0", "inhibited": "no"}, ["critical", "plain"]),
        ({"active": "false", "silenced": "false"}, ["inhibited", "muted"]),
        ({"active": "maybe"}, ["inhibited", "muted", "silenced"]),
        ({"unprocessed": "false"}, ["critical", "inhibited", "muted", "plain", "silenced"]),
        ({"filter": "alertname=A"}, ["critical", "inhibited"]),
        ({"filter": ['alertname="A"', "severity!=critical"]}, ["inhibited"]),
        ({"filter": '{alertname="A",severity=~"warn.*"}'}, ["inhibited"]),
        ({"filter": '"alertname" = A'}, ["critical", "inhibited"]),
        ({"filter": "severity="}, ["muted", "plain"]),
        ({"filter": "severity=", "receiver": "ops"}, ["plain"]),
        ({"receiver": "pag"}, []),
        ({"receiver": "pager"}, ["critical"]),
        ({"receiver": "pa.*|team"}, ["critical", "muted"]),
    ],
)
def test_filters(web: Web, someone: Someone, params: dict[str, Any], expected: list[str]) -> None:
    assert v2.names(v2.got(web, someone, "alerts", **params)) == expected
    groups = v2.got(web, someone, "alerts/groups", **params)
    assert v2.names([each for group in groups for each in group["alerts"]]) == expected


@pytest.mark.usefixtures("five")
def test_groups_have_labels_and_receiver_and_no_group_is_empty(web: Web, someone: Someone) -> None:
    found = v2.got(web, someone, "alerts/groups")
    assert [(group["labels"], group["receiver"]["name"]) for group in found] == [
        ({"alertname": "A"}, "ops"),
        ({"alertname": "A"}, "pager"),
        ({"alertname": "B"}, "ops"),
        ({"alertname": "D"}, "ops"),
        ({"team": "db"}, "team"),
    ]
    assert all(group["alerts"] for group in found)
    assert [each["receivers"] for each in found[1]["alerts"]] == [[{"name": "pager"}]]


@pytest.mark.parametrize("page", [1, 2, 3, 1000])
def test_no_alert_is_lost_between_two_pages(
    web: Web, someone: Someone, record: Record, page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    v2.apply(record, someone)
    for name in ("A", "B", "C"):
        some = [{"alertname": name, "n": f"{name}{number}"} for number in range(4)]
        v2.fire(record, someone, *some)
        # What is over stays in its group until the flush, and is not shown.
        v2.fire(record, someone, {"alertname": name, "n": "over"}, status="resolved")
    monkeypatch.setattr(seeing, "PAGE", page)
    every = sorted(f"{name}{number}" for name in "ABC" for number in range(4))
    alerts = v2.got(web, someone, "alerts")
    assert v2.names(alerts) == every
    marks = [each["fingerprint"] for each in alerts]
    assert marks == sorted(marks)
    groups = v2.got(web, someone, "alerts/groups")
    assert [len(group["alerts"]) for group in groups] == [4, 4, 4]
    assert [group["labels"]["alertname"] for group in groups] == ["A", "B", "C"]
    assert v2.names([each for group in groups for each in group["alerts"]]) == every


def test_a_list_asks_the_database_as_often_however_long_it_is(
    web: Web, someone: Someone, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[object] = []
    execute = psycopg.Connection.execute

    def counted(self: Any, query: Any, *rest: Any, **options: Any) -> Any:
        asked.append(query)
        return execute(self, query, *rest, **options)

    monkeypatch.setattr(psycopg.Connection, "execute", counted)
    v2.apply(record, someone)
    times: dict[str, list[int]] = {"alerts": [], "alerts/groups": []}
    for numbers in (range(1), range(1, 40)):
        some = [{"alertname": f"A{n}", "severity": "warning", "n": str(n)} for n in numbers]
        v2.fire(record, someone, *some)
        for path, counts in times.items():
            asked.clear()
            v2.got(web, someone, path)
            counts.append(len(asked))
    assert times["alerts"][0] == times["alerts"][1] > 0
    assert times["alerts/groups"][0] == times["alerts/groups"][1] > 0


def test_a_maintenance_window_silences_and_can_be_looked_up(
    web: Web, someone: Someone, record: Record
) -> None:
    v2.apply(record, someone)
    v2.fire(record, someone, PLAIN)
    window = silence(record, someone, 'alertname="D"', "Upgrade")
    [found] = v2.got(web, someone, "alerts")
    assert found["status"]["silencedBy"] == [window]
    assert v2.got(web, someone, f"silence/{window}")["comment"] == "Upgrade: c"


def test_what_a_rule_dropped_has_no_receiver_and_says_so(
    web: Web, someone: Someone, record: Record
) -> None:
    v2.apply(record, someone)
    with record.session([someone.tenant]) as tx:
        mark = seeds.alert(tx, someone.tenant, PLAIN)
        seeds.event(tx, someone.tenant, mark, outcome="dropped", cause="noise: nobody cares")
    [found] = v2.got(web, someone, "alerts")
    assert found["receivers"] == []
    assert found["status"]["state"] == "suppressed"
    assert found["status"]["mutedBy"] == ["rule:noise: nobody cares"]
    assert found["endsAt"] == "0001-01-01T00:00:00.000Z"
    assert v2.got(web, someone, "alerts/groups") == []


def test_without_a_policy_alerts_are_seen_and_groups_are_none(
    web: Web, someone: Someone, record: Record
) -> None:
    v2.fire(record, someone, PLAIN)
    [found] = v2.got(web, someone, "alerts")
    assert found["receivers"] == []
    assert v2.got(web, someone, "alerts/groups") == []
    assert v2.got(web, someone, "receivers") == []


def test_another_tenant_sees_none_of_it(
    web: Web, someone: Someone, other: Someone, five: dict[str, str]
) -> None:
    assert v2.got(web, someone, "alerts")
    for path in ("alerts", "alerts/groups", "silences", "receivers"):
        assert v2.got(web, other, path) == []
    assert "pager" not in v2.got(web, other, "status")["config"]["original"]
    assert v2.ask(web, other, f"silence/{five['silenced']}").status_code == 404


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("path", ["alerts", "alerts/groups", "silences", "receivers", "status"])
@pytest.mark.parametrize("prefix", ["", "/t/{tenant}"])
def test_every_prefix_and_either_authentication(
    web: Web, someone: Someone, path: str, prefix: str
) -> None:
    url = f"{prefix.format(tenant=someone.slug)}/api/v2/{path}"
    token = someone.tokens["read"]
    found = web.client.get(url, auth=("anybody", token))
    assert found.status_code == 200
    assert found.json() == web.client.get(url, headers=someone.as_("read")).json()
    head = web.client.head(url, headers=someone.as_("read"))
    assert (head.status_code, head.content) == (200, b"")
    refused = web.client.get(url)
    assert refused.status_code == 401
    assert refused.json().keys() == {"code", "message"}
    assert "Basic" in refused.headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    ("path", "params", "status", "body"),
    [
        ("alerts", {"filter": "{bad"}, 400, "bad matcher format: {bad"),
        ("alerts", {"filter": "a=~("}, 400, "bad regular expression"),
        ("alerts/groups", {"filter": "nonsense"}, 400, "bad matcher format: nonsense"),
        ("silences", {"filter": "nonsense"}, 400, "bad matcher format: nonsense"),
        ("alerts", {"receiver": "("}, 400, "failed to parse receiver param: "),
        ("alerts/groups", {"receiver": "("}, 400, "failed to parse receiver param: "),
        ("alerts", {"filter": "a=\0"}, 400, "NUL"),
    ],
)
def test_what_cannot_be_read_is_said_as_a_string(
    web: Web, someone: Someone, path: str, params: dict[str, str], status: int, body: str
) -> None:
    found = v2.ask(web, someone, path, **params)
    assert found.status_code == status
    assert found.headers["Content-Type"] == "application/json"
    assert body in found.json()


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("GET", "/api/v2/nothing", 404, "path /api/v2/nothing was not found"),
        ("PUT", "/api/v2/silences", 405, "method PUT is not allowed, but [GET,HEAD,POST] are"),
        ("PUT", "/api/v2/alerts", 405, "method PUT is not allowed, but [GET,HEAD,POST] are"),
        ("POST", "/api/v2/status", 405, "method POST is not allowed, but [GET,HEAD] are"),
    ],
)
def test_what_is_not_there(
    web: Web, someone: Someone, method: str, path: str, status: int, message: str
) -> None:
    found = web.client.request(method, path, headers=someone.as_("read"))
    assert found.status_code == status
    assert found.json() == {"code": status, "message": message}
