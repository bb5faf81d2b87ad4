"""The policy over HTTP: read, check, compare, put in force, and back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.web.conftest import Someone, Web
from tocsin.security import audit
from tocsin.storage import policies
from tocsin.storage.record import Record

ONE = "route:\n  receiver: team\nreceivers:\n  - name: team\n"
TWO = ONE + "  - name: dba\n"


def send(
    web: Web, someone: Someone, method: str, path: str = "", body: Any = None, *,
    tag: str | None = None,
) -> httpx.Response:  # fmt: skip
    headers = someone.as_("admin") | ({"If-Match": tag} if tag is not None else {})
    return web.client.request(method, f"/api/v1/policy{path}", json=body, headers=headers)


def apply(web: Web, someone: Someone, document: str, tag: str = "*") -> httpx.Response:
    found = send(web, someone, "PUT", "", {"document": document}, tag=tag)
    assert found.status_code == 200, found.text
    return found


def test_from_nothing_to_two_versions_and_back(web: Web, someone: Someone, record: Record) -> None:
    empty = send(web, someone, "GET")
    assert (empty.headers["ETag"], empty.json()["version"]) == ('"0"', None)
    first = apply(web, someone, ONE, empty.headers["ETag"])
    assert (first.headers["ETag"], first.json()["author"]) == ('"1"', "admin robot")
    assert web.rings == [("reroute", "pipeline")]
    apply(web, someone, TWO, first.headers["ETag"])
    assert send(web, someone, "GET").json()["document"] == TWO
    assert send(web, someone, "GET", "?version=1").json()["document"] == ONE
    back = send(web, someone, "POST", "/rollback", {"version": 1}, tag='"2"')
    assert back.status_code == 200, back.text
    assert (back.json()["version"], back.json()["document"]) == (3, ONE)
    assert back.headers["ETag"] == '"3"'
    rows = send(web, someone, "GET", "/versions").json()["items"]
    assert [(row["version"], row["in_force"]) for row in rows] == [
        (3, True), (2, False), (1, False),
    ]  # fmt: skip
    with record.session([someone.tenant]) as tx:
        assert audit.verify(tx, someone.tenant) is None
        acts = [row["act"] for row in tx.rows(
            "SELECT act FROM audit WHERE tenant = %s AND act LIKE 'config%%' ORDER BY seq",
            [someone.tenant],
        )]  # fmt: skip
        assert acts == ["config.apply", "config.apply", "config.rollback"]


def test_two_editors_do_not_overwrite_each_other(web: Web, someone: Someone) -> None:
    body = {"document": TWO}
    assert send(web, someone, "PUT", "", body).status_code == 428
    apply(web, someone, ONE, '"0"')
    late = send(web, someone, "PUT", "", body, tag='"0"')
    assert late.status_code == 412
    assert "Read it again" in late.json()["detail"]
    assert send(web, someone, "POST", "/rollback", {"version": 1}).status_code == 428
    assert send(web, someone, "POST", "/rollback", {"version": 1}, tag='"7"').status_code == 412
    assert send(web, someone, "GET").json()["version"] == 1


def test_the_same_again_is_no_new_version(web: Web, someone: Someone) -> None:
    for _ in range(2):
        assert apply(web, someone, ONE).headers["ETag"] == '"1"'


def test_a_bad_document_is_refused_with_all_that_is_wrong_and_changes_nothing(
    web: Web, someone: Someone
) -> None:
    apply(web, someone, ONE)
    bad = ONE.replace("receiver: team", "receiver: nobody\n  groupby: [a]")
    found = send(web, someone, "PUT", "", {"document": bad}, tag="*")
    assert found.status_code == 422
    details = [each["detail"] for each in found.json()["errors"]]
    assert {each["pointer"] for each in found.json()["errors"]} == {"#/document"}
    assert any(said.startswith("line 2: there is no receiver") for said in details)
    assert any(said.startswith("line 3: unknown key") for said in details)
    checked = send(web, someone, "POST", "/check", {"document": bad}).json()
    assert not checked["valid"]
    assert [each["line"] for each in checked["problems"]] == [2, 3]
    assert send(web, someone, "POST", "/diff", {"document": bad}).status_code == 422
    assert send(web, someone, "GET").json()["version"] == 1


@pytest.mark.parametrize("document", ["", "[]", "\0", "route: &a [*a]", "a: b: c", "{" * 500])
def test_what_is_no_document_is_said_so(web: Web, someone: Someone, document: str) -> None:
    checked = send(web, someone, "POST", "/check", {"document": document})
    assert checked.status_code == 200
    assert checked.json()["problems"]
    assert send(web, someone, "PUT", "", {"document": document}, tag="*").status_code == 422


def test_a_document_is_compared_with_the_one_in_force_or_an_older_one(
    web: Web, someone: Someone
) -> None:
    body = {"document": TWO}
    new = send(web, someone, "POST", "/diff", body).json()
    assert (new["version"], new["same"]) == (None, False)
    apply(web, someone, ONE)
    apply(web, someone, TWO)
    assert send(web, someone, "POST", "/diff", {"document": TWO + "# more\n"}).json() == {
        "version": 2, "same": True, "changes": [],
    }  # fmt: skip
    assert send(web, someone, "POST", "/diff?version=1", body).json() == {
        "version": 1, "same": False,
        "changes": [{"section": "receivers", "id": "dba", "what": "added", "fields": []}],
    }  # fmt: skip
    assert send(web, someone, "GET").json()["version"] == 2


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "?version=9", None),
        ("POST", "/diff?version=9", {"document": ONE}),
        ("POST", "/rollback", {"version": 9}),
    ],
)
def test_a_version_that_there_is_not(
    web: Web, someone: Someone, method: str, path: str, body: Any
) -> None:
    apply(web, someone, ONE)
    found = send(web, someone, method, path, body, tag="*")
    assert found.status_code == 404
    assert "GET /policy/versions" in found.json()["detail"]


def test_what_this_program_cannot_read_gives_way_to_the_version_before(
    web: Web, someone: Someone, record: Record
) -> None:
    apply(web, someone, ONE + "silences: {longest: 1h}\n")
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, "tomorrow: {}", "a newer program")
    body = {"matchers": ["a=b"], "duration": "2h", "comment": "c"}
    found = web.client.post("/api/v1/silences", json=body, headers=someone.as_("respond"))
    assert "longer than the 1h" in found.json()["detail"]


def test_an_old_version_that_is_not_valid_any_more_is_not_put_in_force(
    web: Web, someone: Someone, record: Record
) -> None:
    apply(web, someone, ONE)
    with record.session([someone.tenant]) as tx:
        tx.run(
            "INSERT INTO config_version (tenant, version, document, author, created_at)"
            " VALUES (%s, 2, 'rout: {}', 'a release of long ago', tocsin_now())",
            [someone.tenant],
        )
    found = send(web, someone, "POST", "/rollback", {"version": 2}, tag="*")
    assert found.status_code == 422
    assert "rout" in found.json()["errors"][0]["detail"]
    assert send(web, someone, "GET").json()["version"] == 1


def test_a_valid_policy_is_checked_for_whom_it_cannot_reach(web: Web, someone: Someone) -> None:
    document = (
        "route: {receiver: ops}\nreceivers: [{name: ops, escalation: primary}]\n"
        "people: [{name: anna}]\nschedules: [{name: days}]\n"
        "escalations: [{name: primary, steps: [{notify: [{person: anna}, {schedule: days}]}]}]\n"
    )
    answer = web.client.post(
        "/api/v1/policy/check", json={"document": document}, headers=someone.as_("admin")
    ).json()
    assert (answer["valid"], answer["problems"]) == (True, [])
    nobody, hole = (each["detail"] for each in answer["warnings"])
    assert "Nothing can reach anna" in nobody
    assert "the schedule days has nobody then" in hole


def test_a_matcher_that_newer_alertmanagers_read_otherwise_is_a_doubt(
    web: Web, someone: Someone
) -> None:
    odd = ONE + 'inhibit_rules:\n  - source_matchers: [a=]\n    target_matchers: ["b=c"]\n'
    checked = send(web, someone, "POST", "/check", {"document": odd}).json()
    assert checked["valid"]
    ((line, said),) = [(each["line"], each["detail"]) for each in checked["warnings"]]
    assert "cannot read `a=`" in said
    assert "source_matchers" in odd.splitlines()[line - 1]
