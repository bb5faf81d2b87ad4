"""The synthetic alert goes the whole way in virtual time, the heartbeat follows, and it is gone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from scheduler import heartbeat, synthetic, watch_tenant
from tests import heartbeats
from tests.actors.conftest import Hall, Tenant, alert
from tocsin import errors
from tocsin.config.settings import Settings
from tocsin.security import tokens
from tocsin.storage import policies, tenants
from workers import queues

Travel = Callable[..., None]
numbers = itertools.count(1)
LEFT = (
    "alert", "alert_event", "alert_group", "group_member", "incident",
    "incident_group", "timeline", "notification", "delivery", "delivery_attempt", "told", "timer",
    "intake", "inbox",
)  # fmt: skip


class Watch:
    """A clock's loops of the watch, turned by hand, in a tenant of this test's own."""

    def __init__(self, hall: Hall, **settings: Any) -> None:
        self.hall = hall
        self.slug = settings.pop("watch_tenant", f"watch-{next(numbers)}")
        self.chosen = Settings(
            watch_tenant=self.slug, egress_allow="127.0.0.0/8",
            master_key_file=hall.runtime.settings.master_key_file, **settings,
        )  # fmt: skip
        stages = queues.of_stages("")
        self.loop = synthetic.Synthetic(hall.record, hall.runtime.bell, stages, self.chosen)
        self.heart = heartbeat.Heartbeat(hall.record, self.chosen)

    @property
    def tenant(self) -> Tenant:
        with self.hall.record.claims() as tx:
            return Tenant(self.hall, tenants.find(tx, self.slug), self.slug)

    def round(self) -> None:
        """One look of the clock, all that is due, and the look after it."""
        self.loop.look()
        self.hall.settle()
        self.loop.look()
        if self.chosen.heartbeat_url:
            self.heart.look()

    def shots(self) -> list[bool]:
        """Of each alert posted, in order, whether it arrived."""
        return self.tenant.column("SELECT arrived_at IS NOT NULL FROM synthetic ORDER BY id")


@pytest.fixture
def snitch() -> Iterator[heartbeats.Snitch]:
    with heartbeats.listening() as found:
        yield found


def test_an_alert_a_minute_arrives_and_is_counted_once(hall: Hall, travel: Travel) -> None:
    watch = Watch(hall)
    for turn in range(3):
        watch.round()
        watch.loop.look()
        assert watch.shots() == [True] * (turn + 1)
        travel(minutes=1)
    assert set(watch.tenant.column("SELECT channel FROM delivery")) == {"probe"}
    assert set(watch.tenant.column("SELECT queue FROM delivery ORDER BY created_at LIMIT 1")) == {
        "page"
    }


def test_it_has_not_arrived_while_nobody_delivers(hall: Hall, travel: Travel) -> None:
    watch = Watch(hall)
    watch.loop.look()
    watch.loop.look()
    assert watch.shots() == [False]
    hall.ring("dedup", "flush")
    watch.loop.look()
    assert watch.shots() == [False]
    travel(minutes=3)
    hall.settle()
    watch.loop.look()
    assert watch.shots()[0]
    row = watch.tenant.rows("SELECT arrived_at - posted_at AS took FROM synthetic ORDER BY id")[0]
    assert row["took"].total_seconds() >= 180


def test_two_clocks_post_one_alert(hall: Hall) -> None:
    one = Watch(hall)
    other = Watch(hall, watch_tenant=one.slug)
    for watch in (one, other, one, other):
        watch.loop.look()
    hall.settle()
    one.loop.look()
    assert one.shots() == [True]
    assert one.tenant.one("SELECT count(*) FROM delivery") == 1


def test_all_that_it_leaves_is_gone_after_an_hour_and_nothing_else(
    hall: Hall, travel: Travel
) -> None:
    watch = Watch(hall)
    watch.round()
    tenant = watch.tenant
    tenant.send(alert("Mine", severity="critical"))
    hall.settle()
    for _ in range(2):  # it ends, and the group speaks at its next tick
        travel(minutes=1, seconds=5)
        hall.settle()
    assert tenant.one("SELECT count(*) FROM incident WHERE state = 'resolved'") == 1
    travel(minutes=70)
    before = {table: tenant.one(f"SELECT count(*) FROM {table}") for table in LEFT}
    assert all(before[table] for table in LEFT if table not in ("group_member", "timer", "inbox"))
    watch.loop._posted = int(tenant.now.timestamp() // 60)  # the turn of another clock
    watch.loop.look()
    left = {table: tenant.rows(f"SELECT * FROM {table}") for table in LEFT}
    assert tenant.column("SELECT labels FROM alert") == [
        '{"alertname":"Mine","severity":"critical"}'
    ]
    assert [len(left["alert_event"]), len(left["intake"])] == [1, 2]  # the new one, and "Mine"
    for table in ("incident", "notification", "delivery", "delivery_attempt", "told", "timeline",
                  "incident_group"):  # fmt: skip
        assert left[table] == [], table
    assert [row["receiver"] for row in left["alert_group"]] == ["operator"]


def test_the_operator_may_change_the_policy_and_it_stays(hall: Hall, travel: Travel) -> None:
    watch = Watch(hall)
    watch.round()
    changed = watch_tenant.POLICY.replace(
        "  - name: operator\n", "  - name: operator\n    webhook: [{url: '{hook}'}]\n"
    )
    assert watch.tenant.apply(changed) == 2
    again = Watch(hall, watch_tenant=watch.slug)
    travel(minutes=1)
    again.round()
    assert again.shots() == [True, True]
    with hall.record.session([watch.tenant.id]) as tx:
        assert (policies.current(tx, watch.tenant.id) or {})["version"] == 2


def test_a_tenant_of_that_name_that_somebody_made_is_left_alone(hall: Hall) -> None:
    own = hall.tenant()
    watch = Watch(hall, watch_tenant=own.slug)
    with pytest.raises(errors.SetupError, match="somebody's own"):
        watch_tenant.settle(hall.record, hall.runtime.sealer, own.slug)
    assert watch.loop.look() == synthetic.LATER
    assert own.column("SELECT id FROM synthetic") == []


def test_every_clock_has_the_same_token_and_a_revoked_one_stays_revoked(hall: Hall) -> None:
    watch = Watch(hall)
    home = watch_tenant.settle(hall.record, hall.runtime.sealer, watch.slug)
    again = watch_tenant.settle(hall.record, hall.runtime.sealer, watch.slug)
    assert again == home
    assert home.token not in repr(home)
    with hall.record.session([home.tenant]) as tx:
        caller = tokens.look_up(tx, home.token)
        assert (caller.slug, set(caller.scopes)) == (watch.slug, {"ingest"})
        tokens.revoke(tx, home.tenant, caller.token)
    watch_tenant.settle(hall.record, hall.runtime.sealer, watch.slug)
    with hall.record.claims() as tx, pytest.raises(errors.NotAuthenticated):
        tokens.look_up(tx, home.token)


def test_it_is_posted_where_the_ingest_is_and_again_until_it_is_taken(hall: Hall) -> None:
    with heartbeats.listening("/t/") as ingest:
        watch = Watch(hall, watch_url=ingest.address)
        ingest.status = 503
        watch.loop.look()
        assert ingest.pings == []
        ingest.status = 200
        watch.loop._posted = None
        watch.loop.look()
        [ping] = ingest.pings
        watch.loop.look()
    assert (ping.method, ping.target) == ("POST", f"/t/{watch.slug}/api/v2/alerts")
    assert b'"TocsinSynthetic"' in ping.body
    assert len(ingest.pings) == 1
    assert watch.tenant.column("SELECT source FROM synthetic") == ["prometheus"]
    assert watch.tenant.column("SELECT id FROM inbox") == []


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        ({}, []),
        ({"PORT": "8420"}, ["http://127.0.0.1:8420"]),
        ({"HOST": "0.0.0.0", "PORT": "1", "INGEST_PORT": "2"},
         ["http://127.0.0.1:2", "http://127.0.0.1:1"]),
        ({"HOST": "::", "PORT": "1"}, ["http://[::1]:1"]),
        ({"HOST": "10.0.0.5", "PORT": "1"}, ["http://10.0.0.5:1"]),
        ({"watch_url": "https://in.test/", "PORT": "1"}, ["https://in.test"]),
    ],
)  # fmt: skip
def test_where_alerts_are_accepted(settings: dict[str, Any], wanted: list[str]) -> None:
    assert synthetic.addresses(Settings.model_validate(settings)) == wanted


def test_a_beat_for_each_alert_that_arrived_and_none_without(
    hall: Hall, travel: Travel, snitch: heartbeats.Snitch
) -> None:
    # A beat a minute, by the clock of the record, which travels: here as often as it arrives.
    watch = Watch(hall, heartbeat_url=snitch.url, heartbeat_seconds=1)
    watch.heart.look()
    assert snitch.pings == []
    watch.round()
    assert [ping.method for ping in snitch.pings] == ["GET"]
    watch.heart._beaten = float("-inf")
    watch.heart.look()
    assert len(snitch.pings) == 1  # nothing new has arrived
    for _ in range(3):  # the engine stands still, and the clock goes on
        travel(seconds=30)
        watch.loop.look()
        watch.heart.look()
    assert len(snitch.pings) == 1
    watch.round()
    assert len(snitch.pings) == 2


def test_what_was_posted_too_long_ago_proves_nothing(
    hall: Hall, travel: Travel, snitch: heartbeats.Snitch
) -> None:
    watch = Watch(hall, heartbeat_url=snitch.url, heartbeat_seconds=1)
    snitch.status = 500
    watch.round()
    assert snitch.pings == []
    snitch.status = 200
    travel(seconds=61)
    watch.heart.look()
    assert snitch.pings == []


def test_who_could_not_be_reached_is_told_a_moment_later(
    hall: Hall, travel: Travel, snitch: heartbeats.Snitch
) -> None:
    watch = Watch(hall, heartbeat_url=snitch.url)
    snitch.status = 503
    watch.round()
    snitch.status = 200
    travel(seconds=5)
    watch.heart.look()
    assert len(snitch.pings) == 1


def test_an_alertmanager_of_a_friend_gets_an_alert(hall: Hall) -> None:
    with heartbeats.listening("/api/v2/") as friend:
        watch = Watch(hall, heartbeat_url=f"{friend.address}/api/v2/alerts")
        watch.round()
    [ping] = friend.pings
    assert ping.method == "POST"
    assert b'"alertname":"TocsinAlive"' in ping.body


def test_the_address_of_the_heartbeat_is_a_secret_and_guarded(
    hall: Hall, snitch: heartbeats.Snitch, capsys: pytest.CaptureFixture[str]
) -> None:
    watch = Watch(hall, heartbeat_url=snitch.url)
    watch.heart._chosen = watch.chosen.model_copy(update={"egress_allow": ""})
    watch.round()
    assert snitch.pings == []
    assert "d7a1-secret" not in repr(watch.chosen) + "".join(capsys.readouterr())
