"""The page behind a link in a message: looking does nothing, a press acts once, nothing leaks."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
import structlog

from tests.conftest import Servers
from tests.web import seeds
from tests.web import servers as running
from tests.web.conftest import Someone
from tocsin.config.settings import Settings
from tocsin.security import audit, links
from tocsin.storage import incidents, policies
from tocsin.storage.record import Record
from tocsin.web import app

POLICY = """
route: {}
locale: en
people:
  - {name: anna, shown: Anna, zone: Europe/Berlin}
  - {name: ben, shown: Ben}
"""


@dataclass(frozen=True)
class Place:
    """An installation with a key, and what rang."""

    client: httpx.Client
    signer: links.Signer
    rings: list[tuple[str, str]]


@dataclass(frozen=True)
class Page:
    """A page that went out to somebody."""

    place: Place
    record: Record
    someone: Someone
    story: seeds.Story
    delivery: uuid.UUID

    @property
    def url(self) -> str:
        return f"/t/{self.someone.slug}/a/{self.token}"

    @property
    def token(self) -> str:
        return self.place.signer.token(self.someone.slug, self.delivery)

    def look(self) -> httpx.Response:
        return self.place.client.get(self.url)

    def press(self, act: str = "acknowledge") -> httpx.Response:
        return self.place.client.post(self.url, data={"act": act})

    def row(self) -> dict[str, Any]:
        with self.record.session([self.someone.tenant]) as tx:
            found = tx.row("SELECT * FROM incident WHERE id = %s", [self.story.incident])
        assert found is not None
        return found

    def do(self, act: Callable[..., Any], *args: Any, **more: Any) -> None:
        with self.record.session([self.someone.tenant]) as tx:
            act(tx, self.someone.tenant, self.story.incident, *args, **more)


@pytest.fixture(scope="module")
def place(record: Record, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    file: Path = tmp_path_factory.mktemp("links") / "master.key"
    file.write_bytes(base64.b64encode(b"m" * 32))
    rings: list[tuple[str, str]] = []
    settings = Settings(master_key_file=file, public_url="https://tocsin.test")
    built = app.build(settings, record, lambda actor, queue: rings.append((actor, queue)))
    with (
        running.serving(built) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        yield Place(client, links.Signer(b"m" * 32), rings)


@pytest.fixture
def page(place: Place, record: Record, someone: Someone) -> Page:
    place.rings.clear()
    return paged(place, record, someone, "anna")


def paged(place: Place, record: Record, someone: Someone, person: str | None) -> Page:
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        policies.apply(tx, someone.tenant, POLICY, "test")
        tx.run(
            "UPDATE delivery SET person = %s, state = 'sent', finished_at = %s WHERE id = %s",
            [person, tx.now, story.delivery],
        )
    return Page(place, record, someone, story, story.delivery)


@pytest.fixture
def travel(servers: Servers) -> Iterator[Callable[[timedelta], None]]:
    def by(delta: timedelta) -> None:
        with psycopg.connect(servers.owner_url) as owner:
            owner.execute("UPDATE clock_offset SET seconds = seconds + %s", [delta.total_seconds()])

    yield by
    with psycopg.connect(servers.owner_url) as owner:
        owner.execute("UPDATE clock_offset SET seconds = 0")


def buttons(answer: httpx.Response) -> list[str]:
    return re.findall(r'name="act" value="(\w+)"', answer.text)


def test_looking_changes_nothing(page: Page) -> None:
    """Those who deliver messages, and previews of chats, follow each link in them."""
    before = page.row()
    for method in ("GET", "HEAD", "GET"):
        answer = page.place.client.request(method, page.url)
        assert answer.status_code == 200
    for url in (f"{page.url}?act=acknowledge", f"{page.url}?x"):
        assert page.place.client.get(url).status_code == 200
    assert page.place.client.put(page.url, content="act=acknowledge").status_code == 405
    assert page.place.client.head(page.url).text == ""
    assert page.row() == before
    assert page.place.rings == []
    assert buttons(page.look()) == ["acknowledge", "resolve"]
    assert "DiskFull" in page.look().text
    assert 'class="go"' not in page.look().text, "what can be pressed comes first"
    shown, only_head = page.look(), page.place.client.head(page.url)
    for name in ("Content-Type", "Content-Security-Policy", "Cache-Control"):
        assert only_head.headers[name] == shown.headers[name]


def test_a_press_acknowledges(page: Page) -> None:
    answer = page.press()
    assert answer.status_code == 200
    assert "You have it. Escalation stopped." in answer.text
    assert re.search(r"Since .*\d\d:\d\d \(Europe/Berlin\)<", answer.text)
    assert buttons(answer) == ["undo", "resolve"]
    assert (page.row()["state"], page.row()["acknowledged_by"]) == ("acknowledged", "anna")
    assert ("flush", "pipeline") in page.place.rings
    with page.record.session([page.someone.tenant]) as tx:
        assert audit.verify(tx, page.someone.tenant) is None
        [act] = tx.rows("SELECT actor, act FROM audit WHERE act LIKE 'incident.%%'")
    assert act == {"actor": "person:anna", "act": "incident.acknowledge"}


def test_a_second_press_says_who_has_it(page: Page) -> None:
    page.press()
    generation = page.row()["generation"]
    page.place.rings.clear()
    assert "You have it." in page.press().text
    assert page.row()["generation"] == generation
    page.do(incidents.unacknowledge, "anna")
    page.do(incidents.acknowledge, "ben")
    again = page.press()
    assert "Ben has it since" in again.text
    assert page.row()["acknowledged_by"] == "ben"
    assert page.place.rings == []


def test_a_used_link_does_not_acknowledge_again(page: Page) -> None:
    """Who has recorded the post cannot do it again later."""
    page.press()
    page.do(incidents.unacknowledge, "ben")
    answer = page.press()
    assert page.row()["state"] == "open"
    assert "was used for that already" in answer.text
    assert "acknowledge" not in buttons(answer)


def test_somebody_else_has_it_and_the_link_is_not_used_up(page: Page) -> None:
    page.do(incidents.acknowledge, "ben")
    assert "Ben has it since" in page.press().text
    page.do(incidents.unacknowledge, "ben")
    assert "You have it." in page.press().text


def test_undo_for_a_while(page: Page, travel: Callable[[timedelta], None]) -> None:
    page.press()
    answer = page.press("undo")
    assert "It is open again" in answer.text
    assert page.row()["state"] == "open"
    page.do(incidents.acknowledge, "anna")
    assert "undo" not in buttons(page.look()), "once"


def test_undo_is_over_after_a_while(page: Page, travel: Callable[[timedelta], None]) -> None:
    page.press()
    travel(timedelta(minutes=16))
    assert "undo" not in buttons(page.look())
    assert "It is too late" in page.press("undo").text
    assert page.row()["state"] == "acknowledged"


def test_nobody_undoes_what_another_did(page: Page) -> None:
    page.do(incidents.acknowledge, "ben")
    page.press("undo")
    assert page.row()["acknowledged_by"] == "ben"


def test_resolved(page: Page) -> None:
    answer = page.press("resolve")
    assert "It is resolved, by Anna." in answer.text
    assert buttons(answer) == []
    assert page.row()["state"] == "resolved"
    assert "It is resolved, by Anna." in page.press().text
    [(leads, said)] = re.findall(r'<a class="go" href="([^"]+)">([^<]+)<', answer.text)
    assert (leads, said) == (f"/ui/incidents/{page.story.incident}", "Look at the incident")
    assert page.row()["state"] == "resolved"


def test_it_says_when_it_opens_again(page: Page) -> None:
    with page.record.session([page.someone.tenant]) as tx:
        document = POLICY + "incidents: {ack_timeout: 30m}\n"
        policies.apply(tx, page.someone.tenant, document, "test")
    answer = page.press()
    assert re.search(r"Re-opens at (\d{4}-\d\d-\d\d )?\d\d:\d\d \(Europe/Berlin\) if", answer.text)
    assert page.row()["reopens_at"] - page.row()["acknowledged_at"] == timedelta(minutes=30)


def test_handed_over_and_answered(place: Place, record: Record, someone: Someone) -> None:
    page = paged(place, record, someone, "ben")
    page.do(incidents.hand_over, "anna", to="ben")
    assert "Anna handed this over to you." in page.look().text
    assert "You have it." in page.press().text
    assert page.row()["handed_by"] is None


def test_what_was_merged_is_acknowledged_where_it_went(page: Page) -> None:
    target = seeds.story(page.record, page.someone.tenant)
    headers = page.someone.as_("respond")
    merged = page.place.client.post(
        f"/api/v1/incidents/{target.incident}/merge",
        json={"from": [str(page.story.incident)]}, headers=headers,
    )  # fmt: skip
    assert merged.status_code == 200, merged.text
    assert "You have it." in page.press().text
    found = page.place.client.get(f"/api/v1/incidents/{target.incident}", headers=headers).json()
    assert found["acknowledged_by"] == "anna"


def test_all_that_does_not_work_looks_the_same(
    page: Page, other: Someone, record: Record, travel: Callable[[timedelta], None]
) -> None:
    signer, slug = page.place.signer, page.someone.slug
    nobody = paged(page.place, record, page.someone, None)
    gone = paged(page.place, record, page.someone, "zoe")
    urls = {
        "tampered": f"/t/{slug}/a/{page.token[:-1]}{'A' if page.token[-1] != 'A' else 'Q'}",
        "cut": f"/t/{slug}/a/{page.token[:-3]}",
        "another tenant's address": f"/t/{other.slug}/a/{page.token}",
        "another tenant's token": f"/t/{slug}/a/{signer.token(other.slug, page.delivery)}",
        "signed for another": f"/t/{other.slug}/a/{signer.token(other.slug, page.delivery)}",
        "no such tenant": f"/t/nobody/a/{signer.token('nobody', page.delivery)}",
        "no such delivery": f"/t/{slug}/a/{signer.token(slug, uuid.uuid4())}",
        "to no person": nobody.url,
        "a person who has left": gone.url,
        "another key": f"/t/{slug}/a/{links.Signer(b'x' * 32).token(slug, page.delivery)}",
        "nonsense": f"/t/{slug}/a/%00%ff",
    }
    answers = {why: page.place.client.get(url) for why, url in urls.items()}
    answers |= {f"{why}, pressed": page.place.client.post(url, data={"act": "acknowledge"})
                for why, url in urls.items()}  # fmt: skip
    travel(timedelta(hours=24, seconds=1))
    answers["too old"] = page.look()
    answers["too old, pressed"] = page.press()
    assert {answer.status_code for answer in answers.values()} == {404}
    bodies = {answer.text for answer in answers.values()}
    assert '<a class="go" href="/ui/login">Sign in to Tocsin</a>' in page.look().text
    assert len(bodies) == 1
    assert "Open it again from the newest message" in bodies.pop()
    assert page.row()["state"] == "open"
    assert page.place.rings == []


def test_it_works_for_a_day_from_when_it_went_out(
    page: Page, travel: Callable[[timedelta], None]
) -> None:
    travel(timedelta(hours=23, minutes=59))
    assert page.press().status_code == 200
    assert page.row()["state"] == "acknowledged"


def test_without_a_key_no_link_works(record: Record, page: Page, tmp_path: Path) -> None:
    built = app.build(Settings(), record, lambda actor, queue: None)
    with (
        running.serving(built) as url,
        httpx.Client(base_url=url, trust_env=False, timeout=30) as client,
    ):
        assert client.get(page.url).status_code == 404


@pytest.mark.parametrize("act", ["", "merge", "acknowledge&act=resolve", "x" * 1000])
def test_what_is_no_act_only_shows(page: Page, act: str) -> None:
    answer = page.place.client.post(page.url, content=f"act={act}")
    assert answer.status_code == 200
    assert page.row()["state"] in ("open", "acknowledged")
    assert page.row()["state"] == ("acknowledged" if act.startswith("acknowledge") else "open")


def test_a_hostile_body(page: Page) -> None:
    for body in (b"\xff\xfe", b"&" * 1000, b"act=" * 50, b"{}"):
        assert page.place.client.post(page.url, content=body).status_code == 200
    assert page.place.client.post(page.url, content=b"x" * 70_000).status_code == 413
    assert page.row()["state"] == "open"


def test_headers_and_size(page: Page) -> None:
    with page.record.session([page.someone.tenant]) as tx:
        title = "<script>alert(1)</script>\u202e" + "A" * 5000
        tx.run("UPDATE incident SET title = %s WHERE id = %s", [title, page.story.incident])
    for answer in (page.look(), page.press(), page.place.client.get(f"{page.url}x")):
        assert answer.headers["Cache-Control"].startswith("no-store")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Frame-Options"] == "DENY"
        assert "noindex" in answer.headers["X-Robots-Tag"]
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "form-action 'self'" in policy
        assert not re.search(
            r"<script|<link|<img|@import|url\(|<[^>]*\s(on\w+|style)=", answer.text
        )
        assert len(answer.content) < 50_000
        assert page.token not in answer.text, "what is shared by mistake is only a picture"
        assert "\u202e" not in answer.text


def test_no_log_holds_the_token(page: Page) -> None:
    with structlog.testing.capture_logs() as logged:
        page.look()
        page.press()
    paths = [line["path"] for line in logged if "path" in line]
    assert paths == [f"/t/{page.someone.slug}/a/..."] * 2
    assert page.token not in repr(logged)
