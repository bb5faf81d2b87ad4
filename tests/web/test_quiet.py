"""Silences with care over HTTP: preview, guard, edit, many at once; maintenance windows."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.security import audit
from tocsin.storage import policies
from tocsin.storage.record import Record

GUARDED = """
route: {}
silences:
  longest: 1d
  broadest: 2
  critical: false
  patterns: false
"""
BODY = {"matchers": ["team=db"], "duration": "2h", "comment": "new disks"}


def send(
    web: Web, someone: Someone, method: str, path: str, body: Any = None, *,
    scope: str = "respond", tag: str | None = None,
) -> httpx.Response:  # fmt: skip
    headers = someone.as_(scope) | ({"If-Match": tag} if tag is not None else {})
    return web.client.request(method, f"/api/v1/{path}", json=body, headers=headers)


def made(web: Web, someone: Someone, path: str = "silences", **body: Any) -> dict[str, Any]:
    found = send(web, someone, "POST", path, {**BODY, **body})
    assert found.status_code == 201, found.text
    return dict(found.json())


def guarded(record: Record, someone: Someone, document: str = GUARDED) -> None:
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, document, "test")


def fires(record: Record, someone: Someone, count: int, severity: str = "warning") -> list[str]:
    with record.session([someone.tenant]) as tx:
        return [
            seeds.alert(tx, someone.tenant, {"team": "db", "n": str(n)}, severity=severity)
            for n in range(count)
        ]


def acts(record: Record, someone: Someone) -> list[str]:
    with record.session([someone.tenant]) as tx:
        assert audit.verify(tx, someone.tenant) is None
        return [row["act"] for row in tx.rows(
            "SELECT act FROM audit WHERE tenant = %s AND act NOT LIKE 'token%%' ORDER BY seq",
            [someone.tenant],
        )]  # fmt: skip


def problem(found: httpx.Response, status: int = 422) -> dict[str, Any]:
    assert found.status_code == status, found.text
    return dict(found.json())


def test_a_preview_tells_what_it_would_hit_and_makes_nothing(
    web: Web, someone: Someone, record: Record
) -> None:
    [first, *_] = fires(record, someone, 3)
    [worst] = fires(record, someone, 1, "critical")
    with record.session([someone.tenant]) as tx:
        over = seeds.alert(tx, someone.tenant, {"team": "db"}, status="resolved")
        seeds.alert(tx, someone.tenant, {"team": "web"})
        told = str(uuid.uuid4())
        for mark, cause in ((first, told), (over, told), (over, None)):
            outcome = "notified" if cause else None
            seeds.event(tx, someone.tenant, mark, outcome=outcome, cause=cause)
        long_ago = tx.now - timedelta(days=2)
        seeds.event(tx, someone.tenant, first, at=long_ago)
    found = send(web, someone, "POST", "silences/preview", BODY, scope="read").json()
    assert {name: found[name] for name in ("firing", "in_all", "share", "critical")} == {
        "firing": 4, "in_all": 5, "share": 0.8, "critical": 1,
    }  # fmt: skip
    assert found["last_day"] == {"alerts": 2, "changes": 3, "notifications": 1}
    assert found["samples"][0]["fingerprint"] == worst
    assert found["complete"]
    assert found["refused"] == []
    assert any("1 critical alert" in said for said in found["warnings"])
    assert any("80 %" in said for said in found["warnings"])
    assert send(web, someone, "GET", "silences?state=all").json()["items"] == []


def test_a_preview_counts_by_effective_labels(web: Web, someone: Someone, record: Record) -> None:
    [mark] = fires(record, someone, 1)
    with record.session([someone.tenant]) as tx:
        tx.run(
            'UPDATE alert SET ruled = \'{"team": "web", "owner": "ann"}\' WHERE fingerprint = %s',
            [mark],
        )
    for matcher, hits in (("team=db", 0), ("team=~w.b", 1), ("owner=~ann", 1)):
        body = {**BODY, "matchers": [matcher]}
        assert send(web, someone, "POST", "silences/preview", body).json()["firing"] == hits


def test_a_preview_warns_of_what_hits_nothing_and_of_mere_patterns(
    web: Web, someone: Someone
) -> None:
    body = {**BODY, "matchers": ["team=~d.+"]}
    said = " ".join(send(web, someone, "POST", "silences/preview", body).json()["warnings"])
    assert "are the matchers right?" in said
    assert "names a value" in said


def test_more_than_it_looks_at_is_not_called_complete(
    web: Web, someone: Someone, record: Record, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.storage.reach.SCAN", 2)
    fires(record, someone, 3)
    guarded(record, someone, "route: {}\nsilences: {broadest: 100}\n")
    found = send(web, someone, "POST", "silences/preview", BODY).json()
    assert not found["complete"]
    assert "too many alerts" in found["refused"][0]["detail"]
    assert problem(send(web, someone, "POST", "silences", BODY))


@pytest.mark.parametrize(
    ("body", "pointer", "said"),
    [
        ({"duration": "25h"}, "#/ends_at", "1d1h, longer than the 1d"),
        ({"matchers": ["team=db"]}, "#/matchers", "3 alerts that fire now, more than the 2"),
        ({"matchers": ["n=2"]}, "#/matchers", "critical"),
        ({"matchers": ["x=~y.+"]}, "#/matchers", "names a value"),
    ],
)
@pytest.mark.parametrize("path", ["silences", "maintenance"])
def test_what_is_over_the_guard_is_refused_with_the_figures(
    web: Web, someone: Someone, record: Record, path: str, body: dict[str, Any], pointer: str,
    said: str,
) -> None:  # fmt: skip
    guarded(record, someone)
    fires(record, someone, 2)
    with record.session([someone.tenant]) as tx:
        seeds.alert(tx, someone.tenant, {"team": "db", "n": "2"}, severity="critical")
    extra = {"name": "Upgrade"} if path == "maintenance" else {}
    whole = {**BODY, "matchers": ["n=0"], **body, **extra}
    found = problem(send(web, someone, "POST", path, whole))
    assert any(e["pointer"] == pointer and said in e["detail"] for e in found["errors"]), found
    assert "override" in found["errors"][0]["detail"]
    not_theirs = send(web, someone, "POST", path, {**whole, "override": True})
    assert "admin" in problem(not_theirs, 403)["detail"]
    theirs = send(web, someone, "POST", path, {**whole, "override": True}, scope="admin")
    assert theirs.status_code == 201, theirs.text
    assert theirs.json()["overridden"]
    with record.session([someone.tenant]) as tx:
        [row] = tx.rows(
            "SELECT detail FROM audit WHERE tenant = %s AND act LIKE '%%.create' ORDER BY seq",
            [someone.tenant],
        )
        assert '"overridden":true' in row["detail"]


def test_what_needs_no_override_is_not_called_one(
    web: Web, someone: Someone, record: Record
) -> None:
    guarded(record, someone)
    body = {**BODY, "override": True}
    assert not send(web, someone, "POST", "silences", body, scope="admin").json()["overridden"]


def test_without_a_policy_the_longest_is_thirty_days(web: Web, someone: Someone) -> None:
    assert made(web, someone, duration="30d")
    found = problem(send(web, someone, "POST", "silences", {**BODY, "duration": "31d"}))
    assert "4w3d, longer than the 4w2d" in found["detail"]


def test_an_edit_needs_the_version_that_was_read(
    web: Web, someone: Someone, record: Record
) -> None:
    first = send(web, someone, "POST", "silences", BODY)
    path = f"silences/{first.json()['id']}"
    body = {**BODY, "matchers": ["team=web"], "duration": "3h", "until_resolved": True}
    assert "If-Match" in problem(send(web, someone, "PUT", path, body), 428)["detail"]
    done = send(web, someone, "PUT", path, body, tag=first.headers["ETag"])
    assert done.status_code == 200, done.text
    assert done.json()["matchers"] == ['team="web"']
    assert done.json()["until_resolved"]
    assert done.json()["updated_by"] == done.json()["created_by"] == "respond robot"
    assert done.json()["starts_at"] == first.json()["starts_at"]
    assert web.rings == [("unmute", "pipeline")]
    late = problem(send(web, someone, "PUT", path, body, tag=first.headers["ETag"]), 412)
    assert "Read it again" in late["detail"]
    for tag in (done.headers["ETag"], "*", f"W/{done.headers['ETag']}"):
        shown = send(web, someone, "GET", path)
        again = send(web, someone, "PUT", path, body, tag=tag if tag == "*" else
                     tag.replace(done.headers["ETag"], shown.headers["ETag"]))  # fmt: skip
        assert again.status_code == 200
    assert acts(record, someone) == ["silence.create", *["silence.change"] * 4]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"starts_at": "2020-01-01T00:00:00Z"}, 422, "begun already"),
        ({"duration": None, "ends_at": "2021-01-01T00:00:00Z"}, 422, "must end after"),
        ({"matchers": ["a!=b"]}, 422, "silence everything"),
        ({"comment": " "}, 422, "at least 1"),
        ({"created_by": "root"}, 422, "not permitted"),
    ],
)
def test_an_edit_that_is_refused(
    web: Web, someone: Someone, body: dict[str, Any], status: int, said: str
) -> None:
    path = f"silences/{made(web, someone)['id']}"
    found = problem(send(web, someone, "PUT", path, {**BODY, **body}, tag="*"), status)
    assert said in found["detail"]


def test_what_is_over_is_not_edited(web: Web, someone: Someone) -> None:
    path = f"silences/{made(web, someone)['id']}"
    ended = send(web, someone, "DELETE", path).json()
    assert ended["ended_by"] == "respond robot"
    found = send(web, someone, "PUT", path, BODY, tag="*")
    assert "make a new one" in problem(found, 409)["detail"]


def test_an_edit_asks_the_guard_only_about_what_grows(
    web: Web, someone: Someone, record: Record
) -> None:
    guarded(record, someone)
    long = {**BODY, "duration": "2d", "override": True}
    path = f"silences/{send(web, someone, 'POST', 'silences', long, scope='admin').json()['id']}"
    shorter = {**BODY, "duration": "47h"}
    assert send(web, someone, "PUT", path, shorter, tag="*").json()["overridden"]
    longer = {**BODY, "duration": "49h"}
    assert "longer than" in problem(send(web, someone, "PUT", path, longer, tag="*"))["detail"]
    within = {**BODY, "matchers": ["team=web"], "duration": "1h"}
    assert not send(web, someone, "PUT", path, within, tag="*").json()["overridden"]


def test_many_are_ended_by_what_they_have_in_common(
    web: Web, someone: Someone, record: Record
) -> None:
    keep = made(web, someone, comment="another")["id"]
    gone = {made(web, someone, comment=f"for INC-{n}")["id"] for n in range(3)}
    done = send(web, someone, "POST", "silences/expire", {"comment": "for inc-"}).json()
    assert {item["id"] for item in done["items"]} == gone
    assert {item["state"] for item in done["items"]} == {"expired"}
    assert web.rings == [("unmute", "pipeline")]
    for selection in ({"author": "ann"}, {"matcher": "team=web"}, {"matcher": "team=~db"},
                      {"author": "respond robot", "comment": "%"}):  # fmt: skip
        assert send(web, someone, "POST", "silences/expire", selection).json()["items"] == []
    done = send(web, someone, "POST", "silences/expire", {"matcher": " team = db "}).json()
    assert [item["id"] for item in done["items"]] == [keep]
    assert acts(record, someone)[4:] == ["silence.expire_many"] * 2


def test_many_are_ended_by_id_twice_is_harmless_and_unknown_ones_are_named(
    web: Web, someone: Someone, other: Someone
) -> None:
    ids, foreign = [made(web, someone)["id"] for _ in range(2)], made(web, other)["id"]
    window = made(web, someone, "maintenance", name="Upgrade")["id"]
    body = {"ids": [*ids, foreign, window, "nonsense"]}
    for _ in range(2):
        done = send(web, someone, "POST", "silences/expire", body).json()
        assert [item["id"] for item in done["items"]] == sorted(ids)
        assert done["unknown"] == [foreign, window, "nonsense"]
    assert send(web, other, "GET", f"silences/{foreign}").json()["state"] == "active"
    assert send(web, someone, "GET", f"maintenance/{window}").json()["state"] == "active"


def test_more_than_one_round(web: Web, someone: Someone, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tocsin.web.silences_bulk.LIMIT", 2)
    for _ in range(3):
        made(web, someone)
    first = send(web, someone, "POST", "silences/expire", {"comment": "disks"}).json()
    second = send(web, someone, "POST", "silences/expire", {"comment": "disks"}).json()
    assert [(len(each["items"]), each["more"]) for each in (first, second)] == [
        (2, True), (1, False),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#"),
        ({"ids": ["x"], "author": "ann"}, "#"),
        ({"ids": []}, "#/ids"),
        ({"author": ""}, "#/author"),
        ({"matcher": "nonsense"}, "#/matcher/0"),
        ({"matcher": "{a=b,c=d}"}, "#/matcher"),
        ({"matcher": "{}"}, "#/matcher"),
        ({"everything": True}, "#/everything"),
    ],
)
def test_a_selection_that_is_refused(
    web: Web, someone: Someone, body: dict[str, Any], pointer: str
) -> None:
    found = problem(send(web, someone, "POST", "silences/expire", body))
    assert found["errors"][0]["pointer"] == pointer


def test_how_much_is_held_back_is_shown(web: Web, someone: Someone, record: Record) -> None:
    one, two = made(web, someone)["id"], made(web, someone, "maintenance", name="Up")["id"]
    with record.session([someone.tenant]) as tx:
        marks = [seeds.alert(tx, someone.tenant, {"team": "db", "n": str(n)}) for n in range(2)]
        seeds.group(tx, someone.tenant, *marks)
        seeds.group(tx, someone.tenant, *marks)
        tx.run("UPDATE group_member SET muted_by = %s", [[one, two]])
        tx.run("UPDATE group_member SET muted_by = %s WHERE fingerprint = %s", [[one], marks[0]])
    assert send(web, someone, "GET", f"silences/{one}").json()["holds"] == 2
    [window] = send(web, someone, "GET", "maintenance").json()["items"]
    assert window["holds"] == 1


def test_a_maintenance_window_from_plan_to_end(web: Web, someone: Someone, record: Record) -> None:
    found = send(web, someone, "POST", "maintenance", {
        "name": "Database upgrade", "services": ["orders", "bill.ing"], "duration": "1h",
        "comment": "CHG-12",
    })  # fmt: skip
    assert found.status_code == 201, found.text
    window = found.json()
    assert found.headers["Location"] == f"/api/v1/maintenance/{window['id']}"
    assert window["matchers"] == ['service=~"orders|bill\\\\.ing"']
    assert (window["state"], window["created_by"]) == ("active", "respond robot")
    assert send(web, someone, "GET", "silences?state=all").json()["items"] == []
    assert send(web, someone, "DELETE", f"silences/{window['id']}").status_code == 404
    with record.session([someone.tenant]) as tx:
        mark = seeds.alert(tx, someone.tenant, {"service": "orders"})
        seeds.event(tx, someone.tenant, mark, outcome="muted", cause=window["id"])
    alert = send(web, someone, "GET", f"alerts/{mark}").json()
    assert (alert["silenced_by"], alert["muted_by"]) == ([], [window["id"]])
    assert 'In the maintenance "Database upgrade" until' in alert["events"][0]["sentence"]
    assert "CHG-12" in alert["events"][0]["sentence"]
    for _ in range(2):
        done = send(web, someone, "DELETE", f"maintenance/{window['id']}").json()
        assert (done["state"], done["ended_by"]) == ("expired", "respond robot")
    assert ("unmute", "pipeline") in web.rings
    assert acts(record, someone) == ["maintenance.create", "maintenance.end"]
    assert send(web, someone, "GET", "maintenance?state=active").json()["items"] == []


def test_services_are_named_by_the_label_of_the_service_map(
    web: Web, someone: Someone, record: Record
) -> None:
    guarded(record, someone, "route: {}\nservice_label: app\n")
    body = {"name": "Up", "matchers": [], "services": ["orders"]}
    assert made(web, someone, "maintenance", **body)["matchers"] == ['app="orders"']


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"matchers": [], "services": []}, "#/matchers"),
        ({"name": " "}, "#/name"),
        ({"name": "a" * 201}, "#/name"),
        ({"services": [""]}, "#/services/0"),
        ({"services": ["x" * 200 + str(n) for n in range(2)] + ["y" * 200] * 5}, "#/services/0"),
        ({"services": ["x" * 190 + str(n) for n in range(9)]}, "#/services"),
        ({"comment": ""}, "#/comment"),
        ({"duration": None}, "#/ends_at"),
        ({"until_resolved": True}, "#/until_resolved"),
    ],
)
def test_a_window_that_is_refused(
    web: Web, someone: Someone, body: dict[str, Any], pointer: str
) -> None:
    found = problem(send(web, someone, "POST", "maintenance", {**BODY, "name": "Up", **body}))
    assert found["errors"][0]["pointer"] == pointer


def test_who_silences_what_is_said_with_the_explanation(
    web: Web, someone: Someone, record: Record
) -> None:
    silence = made(web, someone, comment="new disks")["id"]
    with record.session([someone.tenant]) as tx:
        mark = seeds.alert(tx, someone.tenant, {"team": "db"})
        seeds.event(tx, someone.tenant, mark, outcome="silenced", cause=silence)
        seeds.event(tx, someone.tenant, mark, outcome="silenced", cause=str(uuid.uuid4()))
    alert = send(web, someone, "GET", f"alerts/{mark}").json()
    sentences = [event["sentence"] for event in alert["events"]]
    assert "By respond robot until" in sentences[1]
    assert "new disks" in sentences[1]
    assert alert["events"][0]["cause"] in sentences[0]
