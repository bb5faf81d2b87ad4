"""Alertmanager's silences: made, changed and ended as its clients do it, in its words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.web import v2
from tests.web.conftest import Someone, Web
from tocsin.security import audit
from tocsin.storage import silences
from tocsin.storage.record import Record

STRANGE = "f34a34b5-46c3-4ab2-b050-f60b1fe54770"


def moment(**later: float) -> str:
    at = datetime.now(UTC) + timedelta(**later)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def matcher(
    name: str = "a", value: str = "b", *, regex: bool = False, **more: bool
) -> dict[str, Any]:
    return {"name": name, "value": value, "isRegex": regex, **more}


def post(web: Web, who: Someone, **body: Any) -> httpx.Response:
    whole = {"matchers": [matcher()], "startsAt": moment(), "endsAt": moment(hours=1),
             "createdBy": "ann", "comment": "replacing disks", **body}  # fmt: skip
    kept = {key: value for key, value in whole.items() if value is not ...}
    return web.client.post("/api/v2/silences", json=kept, headers=who.as_("respond"))


def made(web: Web, who: Someone, **body: Any) -> str:
    found = post(web, who, **body)
    assert found.status_code == 200, found.text
    assert found.json().keys() == {"silenceID"}
    return str(found.json()["silenceID"])


def end(web: Web, who: Someone, id: str) -> httpx.Response:
    return web.client.delete(f"/api/v2/silence/{id}", headers=who.as_("respond"))


def test_a_silence_and_its_end(web: Web, someone: Someone, record: Record) -> None:
    ends = moment(hours=1)
    every = [
        matcher(),
        matcher("n", "x|y", regex=True),
        matcher("c", "d", isEqual=False),
        matcher("e", "f.*", regex=True, isEqual=False),
    ]
    id = made(web, someone, matchers=every, endsAt=ends, startsAt=moment(hours=-3))
    assert web.rings == []
    found = v2.got(web, someone, f"silence/{id}")
    assert found["id"] == id
    assert found["status"] == {"state": "active"}
    assert found["endsAt"] == ends
    assert found["createdBy"] == "ann"
    assert found["comment"] == "replacing disks"
    assert found["matchers"] == [{"isEqual": True, **one} for one in every]
    # What began in the past begins now, so that nobody is told it was silenced when it was not.
    assert found["startsAt"] == found["updatedAt"] > moment(minutes=-1)
    assert v2.got(web, someone, "silences") == [found]
    for _ in range(2):
        done = end(web, someone, id)
        assert (done.status_code, done.content) == (200, b"")
    assert ("unmute", "pipeline") in web.rings
    over = v2.got(web, someone, f"silence/{id}")
    assert over["status"] == {"state": "expired"}
    assert over["endsAt"] == over["updatedAt"] < ends
    with record.session([someone.tenant]) as tx:
        acts = tx.rows("SELECT act, actor, detail FROM audit WHERE tenant = %s ORDER BY seq",
                       [someone.tenant])[-2:]  # fmt: skip
        assert [row["act"] for row in acts] == ["silence.create", "silence.expire"]
        assert all(row["actor"].startswith("token:") for row in acts)
        assert "respond robot" in str(acts[0]["detail"])
        assert audit.verify(tx, someone.tenant) is None


def test_who_names_nobody_is_the_token(web: Web, someone: Someone) -> None:
    id = made(web, someone, createdBy="", comment="")
    assert v2.got(web, someone, f"silence/{id}")["createdBy"] == "respond robot"


def test_a_change_keeps_the_silence_where_only_end_and_words_change(
    web: Web, someone: Someone
) -> None:
    id = made(web, someone)
    read = v2.got(web, someone, f"silence/{id}")
    again = {key: read[key] for key in ("id", "matchers", "startsAt")}
    web.rings.clear()
    later = moment(hours=2)
    assert made(web, someone, **again, endsAt=later, comment="longer", createdBy="ben") == id
    assert web.rings == [("unmute", "pipeline")]
    found = v2.got(web, someone, f"silence/{id}")
    assert (found["comment"], found["createdBy"], found["endsAt"]) == ("longer", "ben", later)
    assert found["startsAt"] == read["startsAt"]
    assert len(v2.got(web, someone, "silences")) == 1


@pytest.mark.parametrize(
    "change", [{"matchers": [matcher(value="c")]}, {"startsAt": "2026-01-01T00:00:00Z"}]
)
def test_what_cannot_be_changed_is_ended_and_made_anew(
    web: Web, someone: Someone, change: dict[str, Any]
) -> None:
    id = made(web, someone)
    read = v2.got(web, someone, f"silence/{id}")
    again = {key: read[key] for key in ("id", "matchers", "startsAt")}
    other = made(web, someone, **{**again, **change})
    assert other != id
    states = {each["id"]: each["status"]["state"] for each in v2.got(web, someone, "silences")}
    assert states == {id: "expired", other: "active"}


def test_what_is_over_is_made_anew_as_import_does_it(web: Web, someone: Someone) -> None:
    id = made(web, someone)
    end(web, someone, id)
    other = made(web, someone, id=id)
    assert other != id
    assert v2.got(web, someone, f"silence/{other}")["status"]["state"] == "active"


def test_the_order_and_how_long_what_is_over_is_listed(
    web: Web, someone: Someone, record: Record
) -> None:
    second, first = made(web, someone, endsAt=moment(hours=3)), made(web, someone)
    pending = made(web, someone, startsAt=moment(minutes=30))
    over = made(web, someone)
    end(web, someone, over)
    long_over = made(web, someone)
    with record.session([someone.tenant]) as tx:
        tx.run("UPDATE silence SET starts_at = starts_at - interval '7 days',"
               " ends_at = ends_at - interval '6 days' WHERE id = %s", [long_over])  # fmt: skip
    found = v2.got(web, someone, "silences")
    assert [each["id"] for each in found] == [first, second, pending, over]
    states = [each["status"]["state"] for each in found]
    assert states == ["active", "active", "pending", "expired"]
    assert v2.got(web, someone, f"silence/{long_over}")["status"]["state"] == "expired"


@pytest.mark.parametrize(
    ("filters", "found"),
    [(["a=b"], 2), (['a="b"', "c!=d"], 1), ([' {a="b"}'], 2), (["a=~b"], 0), (["a=c"], 0)],
)
def test_a_filter_wants_this_very_matcher(
    web: Web, someone: Someone, filters: list[str], found: int
) -> None:
    made(web, someone)
    made(web, someone, matchers=[matcher(), matcher("c", "d", isEqual=False)])
    assert len(v2.got(web, someone, "silences", filter=filters)) == found


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"matchers": [matcher(value="")]}, 400,
         "silence invalid: at least one matcher must not match the empty string"),
        ({"matchers": [matcher(value="(", regex=True)]}, 400,
         "silence invalid: invalid label matcher 0: bad regular expression"),
        ({"matchers": [matcher(), matcher(name="")]}, 400, "invalid label matcher 1"),
        ({"startsAt": "2030-01-01T00:00:00Z", "endsAt": "2029-01-01T00:00:00Z"}, 400,
         "Failed to create silence: start time must be before end time"),
        ({"startsAt": "2020-01-01T00:00:00Z", "endsAt": "2021-01-01T00:00:00Z"}, 400,
         "Failed to create silence: end time can't be in the past"),
        ({"endsAt": "2250-01-01T00:00:00Z"}, 400, "before the year 2200"),
        ({"id": STRANGE}, 404, "silence not found"),
        ({"id": "nonsense"}, 404, "silence not found"),
        # Thirty days are the most where the policy says nothing else.
        ({"endsAt": "2100-01-01T00:00:00Z"}, 400, "Failed to create silence: "),
    ],
)  # fmt: skip
def test_what_is_refused_with_a_string(
    web: Web, someone: Someone, body: dict[str, Any], status: int, said: str
) -> None:
    found = post(web, someone, **body)
    assert found.status_code == status, found.text
    assert said in found.json()
    assert v2.got(web, someone, "silences") == []


@pytest.mark.parametrize(
    ("body", "status", "code", "said"),
    [
        ({"comment": ...}, 422, 602, "comment in body is required"),
        ({"matchers": []}, 422, 612, "matchers in body should have at least 1 items"),
        ({"startsAt": "x"}, 400, 400, "#/startsAt"),
        ({"startsAt": "2026-01-01T00:00:00"}, 400, 400, "timezone"),
        ({"matchers": [{"name": "a", "value": "b"}]}, 422, 602,
         "matchers.0.isRegex in body is required"),
        ({"comment": "a\0"}, 400, 400, "NUL"),
        ({"comment": "a" * 2001}, 400, 400, "2000"),
        ({"matchers": [matcher()] * 51}, 400, 400, "50"),
    ],
)  # fmt: skip
def test_what_is_refused_with_a_code(
    web: Web, someone: Someone, body: dict[str, Any], status: int, code: int, said: str
) -> None:
    found = post(web, someone, **body)
    assert found.status_code == status, found.text
    assert found.json()["code"] == code
    assert said in found.json()["message"]


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [("nonsense", "application/json", 400), ("[]", "application/json", 400),
     ("", "application/json", 422), ("{}", "text/plain", 415),
     ('{"comment": "\\ud800"}', "application/json", 400)],
)  # fmt: skip
def test_bodies_that_are_no_silence(
    web: Web, someone: Someone, content: str, kind: str, status: int
) -> None:
    headers = {**someone.as_("respond"), "Content-Type": kind}
    found = web.client.post("/api/v2/silences", content=content, headers=headers)
    assert found.status_code == status, found.text
    assert found.json().keys() == {"code", "message"}


def test_the_ids_of_the_path(web: Web, someone: Someone) -> None:
    unread = v2.ask(web, someone, "silence/nope")
    assert unread.status_code == 422
    said = 'silenceID in path must be of type uuid: "nope"'
    assert unread.json() == {"code": 601, "message": said}
    assert end(web, someone, "nope").json() == unread.json()
    unknown = v2.ask(web, someone, f"silence/{STRANGE}")
    assert (unknown.status_code, unknown.content) == (404, b"")
    gone = end(web, someone, STRANGE)
    assert (gone.status_code, gone.json()) == (404, "silence not found")


def test_a_window_ends_but_is_not_changed_here(web: Web, someone: Someone, record: Record) -> None:
    with record.session([someone.tenant]) as tx:
        terms = silences.Terms(["a=b"], tx.now, tx.now + timedelta(hours=1), "c")
        window = str(silences.make(tx, someone.tenant, terms, "ann", "Upgrade"))
    refused = post(web, someone, id=window)
    assert refused.status_code == 400
    assert "maintenance" in refused.json()
    assert end(web, someone, window).status_code == 200
    path = f"/api/v1/maintenance/{window}"
    found = web.client.get(path, headers=someone.as_("read")).json()
    assert (found["state"], found["ended_by"]) == ("expired", "respond robot")


def test_only_who_may_respond_makes_and_ends(web: Web, someone: Someone, other: Someone) -> None:
    id = made(web, someone)
    for who in (someone.as_("read"), other.as_("admin")):
        found = web.client.delete(f"/api/v2/silence/{id}", headers=who)
        assert found.status_code in (403, 404)
    assert post(web, other, id=id).status_code == 404
    assert v2.got(web, someone, f"silence/{id}")["status"]["state"] == "active"
