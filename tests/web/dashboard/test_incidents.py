"""The list of incidents and the room of one: what they show, and to whom, and what forms do."""

from __future__ import annotations

import html
import re
import uuid
from collections.abc import Iterator

import pytest

from tests.web import seeds
from tests.web.conftest import Someone
from tests.web.dashboard import scenes
from tests.web.dashboard.conftest import SignIn
from tocsin.storage.record import Record
from tocsin.web.dashboard import _rows

TITLE = re.compile(r'class="incident-title"><a[^>]*>([^<]*)<')


def titles(text: str) -> list[str]:
    return TITLE.findall(text)


@pytest.fixture(autouse=True)
def every_sentence_is_there(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    yield
    missing = [line for line in caplog.messages if line.startswith("no sentence for")]
    assert missing == []


@pytest.fixture
def four(record: Record, someone: Someone) -> dict[str, uuid.UUID]:
    """One incident of each state, and one that is a warning of another service."""
    make = scenes.incident
    return {
        "open": make(record, someone.tenant, "DiskFull on db-1"),
        "mild": make(record, someone.tenant, "QueueGrows", severity="warning", service="mailer"),
        "had": make(record, someone.tenant, "Lag_of_replica", state="acknowledged",
                    acknowledged_by="ben"),
        "over": make(record, someone.tenant, "Old one", state="resolved"),
    }  # fmt: skip


def test_what_goes_on_is_listed_the_worst_first(
    someone: Someone, sign_in: SignIn, four: dict[str, uuid.UUID]
) -> None:
    text = sign_in(someone).get("/ui/incidents").text
    assert titles(text) == ["Lag_of_replica", "DiskFull on db-1", "QueueGrows"]
    assert "ben</span>" in text


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("state=open", ["DiskFull on db-1", "QueueGrows"]),
        ("state=open&order=newest", ["QueueGrows", "DiskFull on db-1"]),
        ("order=oldest", ["DiskFull on db-1", "QueueGrows", "Lag_of_replica"]),
        ("order=worst", ["Lag_of_replica", "DiskFull on db-1", "QueueGrows"]),
        ("state=resolved", ["Old one"]),
        ("state=all", ["Old one", "Lag_of_replica", "QueueGrows", "DiskFull on db-1"]),
        ("severity=warning", ["QueueGrows"]),
        ("severity=critical&q=db-1", ["DiskFull on db-1"]),
        ("q=diskfull", ["Lag_of_replica", "DiskFull on db-1", "QueueGrows"]),
        ("q=service%3Dmailer", ["QueueGrows"]),
        ("q=service%3Dmail", []),
        ("q=lag_", ["Lag_of_replica"]),
        ("q=%25", []),
        ("q=%00%00queue", ["QueueGrows"]),
        ("receiver=team-db&time=1h", ["Lag_of_replica", "DiskFull on db-1", "QueueGrows"]),
        ("receiver=nobody", []),
        ("state=nonsense&severity=worst&time=ever&after=never",
         ["Lag_of_replica", "DiskFull on db-1", "QueueGrows"]),
    ],
)  # fmt: skip
def test_the_address_says_what_is_listed(
    someone: Someone, sign_in: SignIn, four: dict[str, uuid.UUID], query: str, found: list[str]
) -> None:
    response = sign_in(someone).get(f"/ui/incidents?{query}")
    assert response.status_code == 200
    assert titles(response.text) == found


def test_facets_count_what_each_of_them_would_show(
    someone: Someone, sign_in: SignIn, four: dict[str, uuid.UUID]
) -> None:
    text = sign_in(someone).get("/ui/incidents?severity=warning").text
    counts = dict(re.findall(r"([A-Z][a-z ]+) <span class=\"count\">(\d+)<", text))
    assert counts == {"Going on": "1", "Unacknowledged": "1", "Acknowledged": "0",
                      "Resolved": "0", "All": "1"}  # fmt: skip
    severities = dict(re.findall(r"([A-Z][a-z]+) <span class=\"figure\">(\d+)<", text))
    assert severities == {"Critical": "2", "Warning": "1"}


def test_a_long_list_goes_on(record: Record, someone: Someone, sign_in: SignIn) -> None:
    for number in range(_rows.PAGE + 2):
        scenes.incident(record, someone.tenant, f"Number {number}")
    browser = sign_in(someone)
    text = browser.get("/ui/incidents").text
    assert len(titles(text)) == 50
    older = re.search(r'class="more"><a class="button" href="([^"]+)"', text)
    assert older
    assert titles(browser.get(older[1]).text) == ["Number 1", "Number 0"]
    oldest = re.search(r'class="more"><a class="button" href="([^"]+)"',
                       browser.get("/ui/incidents?order=oldest").text)  # fmt: skip
    assert oldest
    assert titles(browser.get(html.unescape(oldest[1])).text) == ["Number 50", "Number 51"]


def test_the_api_orders_and_goes_on_in_that_order(
    record: Record, someone: Someone, sign_in: SignIn, four: dict[str, uuid.UUID]
) -> None:
    client = sign_in(someone).client

    def found(order: str) -> list[str]:
        url, seen = f"/api/v1/incidents?limit=1&order={order}", []
        while url:
            answer = client.get(url, headers=someone.as_("read"))
            assert answer.status_code == 200, answer.text
            seen += [item["id"] for item in answer.json()["items"]]
            url = answer.links.get("next", {}).get("url", "")
        return seen

    newest = [str(four[name]) for name in ("over", "had", "mild", "open")]
    assert found("newest") == newest
    assert found("oldest") == newest[::-1]
    assert found("severity") == [str(four[name]) for name in ("over", "had", "open", "mild")]
    wrong = client.get("/api/v1/incidents?order=worst", headers=someone.as_("read"))
    assert wrong.status_code == 422


def test_the_fragment_is_what_changed_alone(
    someone: Someone, sign_in: SignIn, four: dict[str, uuid.UUID]
) -> None:
    found = sign_in(someone).get("/ui/incidents", headers={"HX-Request": "true"})
    assert found.text.lstrip().startswith('<section id="incidents"')
    assert "<html" not in found.text


def test_who_is_next_and_when(record: Record, someone: Someone, sign_in: SignIn) -> None:
    story = seeds.story(record, someone.tenant)
    scenes.policy(record, someone.tenant)
    scenes.escalating(record, someone.tenant, story.incident)
    text = sign_in(someone).get("/ui/incidents").text
    assert re.search(r"next:</?[^>]*>? <b>Ben Okoye</b>|next: <b>Ben Okoye</b>", text)
    assert re.search(r'class="left"[^>]*>(4:00|3:5\d)<', text)


def test_a_room_tells_the_whole_story(record: Record, someone: Someone, sign_in: SignIn) -> None:
    story = seeds.story(record, someone.tenant, instance="db-1")
    scenes.policy(record, someone.tenant)
    scenes.escalating(record, someone.tenant, story.incident)
    text = sign_in(someone).get(f"/ui/incidents/{story.incident}").text
    assert "Opened with 1 alert." in text
    assert "channel_not_found: invite the bot" in text
    assert f"/ui/deliveries?tab=dead&amp;incident={story.incident}" in text
    stages = re.findall(r'class="stage stage-(\w+)"', text)
    assert stages == ["now", "planned"]
    assert "Anna Berg" in text
    assert "Ben Okoye" in text
    assert f"tocsin incident ack {story.incident}" in text
    assert "by the route root/0" in text


def test_differing_labels_are_in_rows_and_common_ones_said_once(
    record: Record, someone: Someone, sign_in: SignIn
) -> None:
    with record.session([someone.tenant]) as tx:
        prints = [
            seeds.alert(
                tx, someone.tenant, {"alertname": "Disk", "cluster": "eu", "instance": name}
            )
            for name in ("db-2", "db-1")
        ]
        about = seeds.incident(tx, someone.tenant, seeds.group(tx, someone.tenant, *prints))
    text = sign_in(someone).get(f"/ui/incidents/{about}").text
    assert text.count("cluster=</span>eu") == 1
    assert re.findall(r'data-label="instance">(db-\d)<', text) == ["db-1", "db-2"]


def test_acknowledged_and_taken_back(record: Record, someone: Someone, sign_in: SignIn) -> None:
    story = seeds.story(record, someone.tenant)
    browser = sign_in(someone)
    room = f"/ui/incidents/{story.incident}"
    done = browser.post(f"{room}/ack", {"next": "/ui/incidents?state=open"})
    assert done.status_code == 303
    where = done.headers["Location"]
    assert where == f"/ui/incidents?state=open&said=acknowledged&undo={story.incident}"
    assert f'action="{room}/unack"' in browser.get(where).text
    text = browser.get(room).text
    assert "respond robot" in text
    assert "has it" in text
    done = browser.post(f"{room}/unack", {"next": room})
    assert done.headers["Location"] == f"{room}?said=unacknowledged"
    assert "Nobody has it" in browser.get(room).text


@pytest.mark.parametrize("act", ["snooze", "resolve", "handover"])
def test_every_act_has_a_form(record: Record, someone: Someone, sign_in: SignIn, act: str) -> None:
    story = seeds.story(record, someone.tenant)
    scenes.policy(record, someone.tenant)
    browser = sign_in(someone)
    room = f"/ui/incidents/{story.incident}"
    assert f'action="{room}/{act}"' in browser.get(room).text
    done = browser.post(f"{room}/{act}", {"next": room, "for": "30m", "to": "ben"})
    assert done.status_code == 303, done.text
    shown = {
        "snooze": "snoozed, opens again at",
        "resolve": "Resolved",
        "handover": "handed over by",
    }
    assert shown[act] in browser.get(room).text


def test_all_that_are_picked(someone: Someone, sign_in: SignIn, four: dict[str, uuid.UUID]) -> None:
    browser = sign_in(someone)
    picks = [str(four["open"]), str(four["mild"])]
    done = browser.post("/ui/picked/ack", {"pick": picks, "next": "/ui/incidents"})
    assert done.headers["Location"] == "/ui/incidents?said=acknowledged_all"
    assert titles(browser.get("/ui/incidents?state=open").text) == []
    done = browser.post("/ui/picked/ack", {"pick": [*picks, str(four["over"])]})
    assert done.headers["Location"] == "/ui/incidents?said=acknowledged_most"
    done = browser.post("/ui/picked/resolve", {"pick": [str(uuid.uuid4())]})
    assert done.headers["Location"] == "/ui/incidents?said=nothing_left"
    assert browser.post("/ui/picked/merge", {"pick": picks}).status_code == 404
    assert browser.post("/ui/picked/ack", {"pick": ["x"] * 1}).status_code == 303
    many = [str(uuid.uuid4()) for _ in range(51)]
    assert browser.post("/ui/picked/ack", {"pick": many}).status_code == 400


def test_another_tenants_incident_is_not_there(
    record: Record, someone: Someone, other: Someone, sign_in: SignIn
) -> None:
    story = seeds.story(record, other.tenant)
    browser = sign_in(someone)
    for act in ("ack", "resolve", "unack", "reopen"):
        assert browser.post(f"/ui/incidents/{story.incident}/{act}").status_code == 404
    browser.post("/ui/picked/resolve", {"pick": [str(story.incident)]})
    assert browser.get(f"/ui/incidents/{story.incident}").status_code == 404
    assert browser.get("/ui/incidents/not-an-id").status_code == 404
    assert titles(browser.get("/ui/incidents?state=all").text) == []
    assert titles(sign_in(other).get("/ui/incidents").text) == ["DiskFull"]


def test_who_may_only_read_sees_no_buttons_and_may_not_press_them(
    record: Record, someone: Someone, sign_in: SignIn
) -> None:
    story = seeds.story(record, someone.tenant)
    browser = sign_in(someone, "read")
    room = f"/ui/incidents/{story.incident}"
    for path in ("/ui/incidents", room):
        text = browser.get(path).text
        assert re.findall(r'<form method="post" action="([^"]+)"', text) == ["/ui/logout"]
        assert 'name="pick"' not in text
    for path in (f"{room}/ack", "/ui/picked/ack"):
        assert browser.post(path, {"pick": [str(story.incident)]}).status_code == 403


def test_nobody_is_led_elsewhere(record: Record, someone: Someone, sign_in: SignIn) -> None:
    story = seeds.story(record, someone.tenant)
    browser = sign_in(someone)
    for away in ("https://evil.example", "//evil.example/ui/", "/ui/\\evil.example", "/login"):
        done = browser.post(f"/ui/incidents/{story.incident}/ack", {"next": away})
        assert done.headers["Location"].startswith(f"/ui/incidents/{story.incident}?said=")


def test_what_alerts_say_is_never_markup(record: Record, someone: Someone, sign_in: SignIn) -> None:
    hostile = "<script>alert(1)</script>"
    about = scenes.incident(record, someone.tenant, hostile, acknowledged_by=hostile)
    browser = sign_in(someone)
    for path in ("/ui/incidents?q=" + "%3Cscript%3E", f"/ui/incidents/{about}"):
        text = browser.get(path).text
        assert "&lt;script&gt;" in text
        assert "<script>alert" not in text


def test_links_of_alerts_are_links_to_pages_only(
    record: Record, someone: Someone, sign_in: SignIn
) -> None:
    with record.session([someone.tenant]) as tx:
        one = seeds.alert(
            tx, someone.tenant, {"alertname": "Disk"}, generator_url="javascript:alert(1)",
            annotations='{"runbook_url":"javascript:alert(2)"}',
        )  # fmt: skip
        about = seeds.incident(tx, someone.tenant, seeds.group(tx, someone.tenant, one))
    text = sign_in(someone).get(f"/ui/incidents/{about}").text
    assert "javascript:" not in text
