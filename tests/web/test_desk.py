"""Acts on many deliveries at once: counted first, bound to what was counted, harmless twice."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from tests.browser import scenes
from tests.conftest import Servers
from tests.web import seeds
from tests.web.conftest import Someone, Web
from tocsin.storage.record import Record


def ask(web: Web, who: Someone, act: str, scope: str = "respond", **body: Any) -> dict[str, Any]:
    found = web.client.post(f"/api/v1/deliveries/{act}", json=body, headers=who.as_(scope))
    answer: dict[str, Any] = found.json()
    return {"status": found.status_code, **answer}


def states(record: Record, who: Someone) -> dict[str, int]:
    with record.session([who.tenant]) as tx:
        found = tx.rows("SELECT state, count(*) AS n FROM delivery GROUP BY 1")
        return {row["state"]: row["n"] for row in found}


def test_counted_then_done_then_harmless(web: Web, someone: Someone, record: Record) -> None:
    scenes.dead(record, someone.tenant, 7)
    counted = ask(web, someone, "retry", filter={"channel": "sms"}, dry_run=True)
    assert (counted["can"], counted["destinations"], counted["matching"]) == (7, 3, 7)
    assert counted["sentence"] == "This retries 7 deliveries to 3 destinations."
    assert states(record, someone) == {"dead": 7}
    assert web.rings == []
    done = ask(web, someone, "retry", filter={"channel": "sms"}, confirm=counted["confirm"])
    assert (done["status"], done["done"]) == (200, 7)
    assert states(record, someone) == {"pending": 7}
    assert web.rings == [("deliver_sms", "page")]
    again = ask(web, someone, "retry", filter={"channel": "sms"}, confirm=counted["confirm"])
    assert (again["status"], again["done"]) == (200, 0)


def test_what_came_after_the_count_is_not_touched(
    web: Web, someone: Someone, record: Record
) -> None:
    scenes.dead(record, someone.tenant, 2)
    counted = ask(web, someone, "retry", filter={}, dry_run=True)
    scenes.dead(record, someone.tenant, 3)
    assert ask(web, someone, "retry", filter={}, confirm=counted["confirm"])["done"] == 2
    assert states(record, someone) == {"pending": 2, "dead": 3}


def test_the_confirmation_is_of_one_filter_one_act_and_one_tenant(
    web: Web, someone: Someone, other: Someone, record: Record
) -> None:
    scenes.dead(record, someone.tenant, 2)
    confirm = ask(web, someone, "retry", filter={"channel": "sms"}, dry_run=True)["confirm"]
    wrong: list[tuple[Someone, str, dict[str, Any]]] = [
        (someone, "retry", {"filter": {}}),
        (someone, "drop", {"filter": {"channel": "sms"}, "reason": "r"}),
        (other, "retry", {"filter": {"channel": "sms"}}),
    ]
    for who, act, body in wrong:
        assert ask(web, who, act, confirm=confirm, **body)["status"] == 400
    assert ask(web, someone, "retry", filter={})["status"] == 422
    assert states(record, someone) == {"dead": 2}


def test_an_old_count_is_made_again(
    web: Web, someone: Someone, record: Record, servers: Servers
) -> None:
    scenes.dead(record, someone.tenant, 1)
    confirm = ask(web, someone, "retry", filter={}, dry_run=True)["confirm"]
    with psycopg.connect(servers.owner_url, autocommit=True) as owner:
        owner.execute("UPDATE clock_offset SET seconds = 3700")
        try:
            assert ask(web, someone, "retry", filter={}, confirm=confirm)["status"] == 409
        finally:
            owner.execute("UPDATE clock_offset SET seconds = 0")


def test_nothing_overtakes_what_is_newer(web: Web, someone: Someone, record: Record) -> None:
    story = seeds.story(record, someone.tenant)
    for state in ("dead", "sent"):
        with record.session([someone.tenant]) as tx:
            seeds.delivery(
                tx, someone.tenant, of=story.group, about=story.incident,
                notification=story.notification, state=state,
            )  # fmt: skip
    counted = ask(web, someone, "retry", filter={}, dry_run=True)
    assert (counted["can"], counted["newer"]) == (0, 2)
    assert "2 cannot: something newer was told in their place." in counted["sentence"]
    assert ask(web, someone, "retry", filter={}, confirm=counted["confirm"])["done"] == 0


def test_of_a_line_only_the_newest_goes_out(web: Web, someone: Someone, record: Record) -> None:
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        newest = seeds.delivery(
            tx, someone.tenant, of=story.group, about=story.incident,
            notification=story.notification,
        )  # fmt: skip
    counted = ask(web, someone, "retry", filter={}, dry_run=True)
    assert (counted["can"], counted["newer"]) == (1, 1)
    assert ask(web, someone, "retry", filter={}, confirm=counted["confirm"])["done"] == 1
    with record.session([someone.tenant]) as tx:
        [row] = tx.rows("SELECT id FROM delivery WHERE state = 'pending'")
    assert row["id"] == newest


def test_dropped_is_an_end_with_an_explanation(web: Web, someone: Someone, record: Record) -> None:
    story = seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        tx.run("UPDATE delivery SET state = 'pending'")
        tx.run("UPDATE alert_event SET outcome = NULL, cause = NULL")
    chosen = {"standing": "retrying", "ids": [str(story.delivery)]}
    counted = ask(web, someone, "drop", filter=chosen, reason="old number", dry_run=True)
    assert counted["can"] == 1
    body = {"filter": chosen, "reason": "old number", "confirm": counted["confirm"]}
    assert ask(web, someone, "drop", **body)["done"] == 1
    shown = web.client.get(
        f"/api/v1/deliveries/{story.delivery}", headers=someone.as_("read")
    ).json()
    assert shown["state"] == "dropped"
    assert "dropped by respond robot: old number" in shown["sentence"]
    with record.session([someone.tenant]) as tx:
        event = tx.row("SELECT outcome, cause FROM alert_event")
        acts = tx.rows("SELECT act, detail FROM audit WHERE act = 'deliveries.drop'")
    assert event == {"outcome": "failed", "cause": str(story.notification)}
    assert len(acts) == 1
    assert "old number" in acts[0]["detail"]


@pytest.mark.parametrize("act", ["retry", "drop"])
def test_what_is_being_sent_is_left_alone(
    web: Web, someone: Someone, record: Record, act: str
) -> None:
    seeds.story(record, someone.tenant)
    with record.session([someone.tenant]) as tx:
        tx.run("UPDATE delivery SET state = 'sending', in_doubt = true")
    counted = ask(
        web, someone, act, filter={"standing": "retrying"}, dry_run=True,
        **({"reason": "r"} if act == "drop" else {}),
    )  # fmt: skip
    assert (counted["can"], counted["on_the_way"]) == (0, 1)


@pytest.mark.parametrize("standing", ["delivered", "sending", "superseded", "dropped"])
def test_what_is_over_cannot_be_chosen(web: Web, someone: Someone, standing: str) -> None:
    found = ask(web, someone, "retry", filter={"standing": standing}, dry_run=True)
    assert (found["status"], found["errors"][0]["pointer"]) == (422, "#/filter/standing")


@pytest.mark.parametrize(
    ("chosen", "matching"),
    [
        ({"channel": "sms"}, 4), ({"channel": "slack"}, 0), ({"destination": "PLACE 0"}, 2),
        ({"error": "NO answer"}, 4), ({"error": "%"}, 0), ({"ids": []}, 0),
        ({"ids": [str(uuid.UUID(int=7))]}, 0), ({"since": "2001-01-01T00:00:00Z"}, 4),
        ({"until": "2001-01-01T00:00:00Z"}, 0),
    ],
)  # fmt: skip
def test_filters(
    web: Web, someone: Someone, other: Someone, record: Record, chosen: dict[str, Any],
    matching: int,
) -> None:  # fmt: skip
    scenes.dead(record, someone.tenant, 4)
    scenes.dead(record, other.tenant, 5)
    assert ask(web, someone, "retry", filter=chosen, dry_run=True)["matching"] == matching


def test_a_reader_may_count_nothing(web: Web, someone: Someone) -> None:
    assert ask(web, someone, "retry", "read", filter={}, dry_run=True)["status"] == 403


def test_the_summary(web: Web, someone: Someone, record: Record) -> None:
    scenes.night(record, someone.tenant)
    found = web.client.get("/api/v1/deliveries/summary", headers=someone.as_("read")).json()
    assert found == {
        "queued": 1, "sending": 0, "retrying": 1, "dead": 3, "delivered": 2, "superseded": 0,
        "dropped": 0,
    }  # fmt: skip
