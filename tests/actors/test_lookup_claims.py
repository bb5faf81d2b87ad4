"""Asking other systems: leases, shares, chains of questions, secrets, and what is swept away."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.actors.cmdb import CMDB, LATE, WAITING, Cmdb, ask, page, running, told
from tests.actors.conftest import Hall, alert
from tests.actors.test_enrich import HEAD, facts, receivers
from tocsin.demo.fakes import server
from tocsin.storage import lookups


@pytest.fixture
def cmdb() -> Iterator[Cmdb]:
    with running() as made:
        yield made


def test_the_lease_runs_out_and_the_late_answer_of_the_first_is_worthless(
    hall: Hall, cmdb: Cmdb, travel: Callable[..., None]
) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    module = hall.module("lookup")
    (stopped,) = module._take(hall.runtime)
    ask(hall)
    assert cmdb.asked == [], "it is leased"
    travel(seconds=21)
    hall.settle()
    assert receivers(tenant) == ["core"]
    given = module.enrichers.Given({"team": "wrong"})
    module._store(hall.runtime, stopped, given)
    assert json.loads(tenant.one("SELECT given FROM lookup"))["labels"] == {"team": "core"}
    module._places.clear()


def test_a_host_that_has_enough_threads_is_passed_by(hall: Hall, cmdb: Cmdb) -> None:
    tenant, other = cmdb.tenant(hall), cmdb.tenant(hall)
    tenant.send(*(alert(host=f"h{n}") for n in range(6)))
    module = hall.module("lookup")
    taken = [module._take(hall.runtime) for _ in range(4)]
    assert all(taken)
    assert module._take(hall.runtime) is None
    other.send(alert(host="h1"))
    (question,) = module._take(hall.runtime)
    assert question.slug == other.slug
    module._places.clear()


def test_what_no_policy_asks_any_more_is_dropped_unasked(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    tenant.apply(HEAD)
    hall.settle()
    assert cmdb.asked == []
    assert tenant.one("SELECT count(*) FROM lookup") == 0
    assert tenant.one(WAITING) == 0


def test_other_settings_are_another_question(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    hall.settle()
    tenant.apply(cmdb.policy((HEAD + CMDB).replace("owner.team", "owner.name")))
    hall.ring("reroute", "enrich", "flush")
    assert receivers(tenant) == ["core"], "it stays where it is until there is an answer"
    assert tenant.one("SELECT extra FROM alert") == '{"_gaps":"late cmdb","owner":"Ann"}'
    hall.settle()
    assert len(cmdb.asked) == 2
    assert facts(tenant)["added"] == {"team": "Ann"}


CHAIN = """
enrichment:
  steps:
    - name: hosts
      http: {url: "{cmdb}/hosts/{labels.host}", labels: {team: owner.team}}
    - name: teams
      http:
        url: "{cmdb}/teams"
        method: POST
        body: {team: "{labels.team}", of: '{labels.host|"nobody"}'}
        token_env: cmdb
        token_header: X-Token
        facts: {phone: "[0].phone"}
"""


def test_one_step_asks_with_what_another_was_answered(
    hall: Hall, cmdb: Cmdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    cmdb.known["/teams"] = [{"phone": 112}]
    tenant = cmdb.tenant(hall, HEAD + CHAIN)
    monkeypatch.setenv(f"TOCSIN_SECRET_{tenant.slug.upper()}__CMDB", "s3cret")
    tenant.send(alert(host="h1"))
    hall.settle()
    assert facts(tenant) == {"added": {"team": "core"}, "extra": {"phone": "112"}}
    first, second = cmdb.asked
    assert (first.method, second.method) == ("GET", "POST")
    assert json.loads(second.body) == {"team": "core", "of": "h1"}
    assert second.headers["x-token"] == "s3cret"
    assert "x-token" not in first.headers
    with psycopg.connect(hall.servers.owner_url) as owner:
        kept = owner.execute("SELECT string_agg(l::text, ' ') FROM lookup l").fetchone()
    assert kept is not None
    assert "s3cret" not in kept[0]


def test_a_secret_that_is_not_there_is_said_and_the_page_goes_out(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall, (HEAD + CMDB).replace("ttl: 1h", "token_file: nowhere", 1))
    tenant.send(alert(host="h1"))
    ask(hall)
    page(hall)
    assert told(tenant) == [("", [LATE])]
    assert "token_file: nowhere" in tenant.one("SELECT error FROM lookup")


def test_old_answers_are_swept_away_and_wanted_ones_stay(
    hall: Hall, cmdb: Cmdb, travel: Callable[..., None]
) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    hall.settle()
    travel(hours=24 * 7)
    hall.ring("housekeep", queue="background")
    assert tenant.one("SELECT count(*) FROM lookup") == 1
    travel(hours=2)
    tenant.send(alert("Other", host="h3"))
    hall.ring("housekeep", queue="background")
    assert tenant.column("SELECT given FROM lookup") == [None]


def test_the_clock_knows_what_is_due(hall: Hall, cmdb: Cmdb, travel: Callable[..., None]) -> None:
    tenant = cmdb.tenant(hall, HEAD + CMDB)
    tenant.send(alert(host="h1"))
    page(hall)
    due = "SELECT work, queue FROM due_work() WHERE work NOT IN ('level', 'report', 'heartbeat')"
    with hall.record.claims() as tx:
        assert tx.rows(due) == [{"work": "lookup", "queue": "lookup"}]
    cmdb.reply = server.Reply(503)
    ask(hall)
    with hall.record.claims() as tx:
        assert tx.rows(due) == []
        row = tx.row("SELECT next_due() AS at")
    assert row is not None
    assert row["at"] == tenant.one("SELECT due_at FROM lookup")


def test_an_answer_that_comes_while_a_drain_goes_on_without_it_frees_that_alert_too(
    hall: Hall, cmdb: Cmdb
) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    module = hall.module("lookup")
    (question,) = module._take(hall.runtime)
    given = module.enrichers.Given({"team": "core"})
    storing = threading.Thread(target=module._store, args=(hall.runtime, question, given))
    row = question.row
    key = {name: row[name] for name in ("tenant", "enricher", "key")}
    with hall.record.session([tenant.id]) as tx:
        lookups.want(tx, [{**key, "request": row["request"], "host": row["host"]}])
        storing.start()
        while not tenant.rows("SELECT 1 AS one FROM pg_locks WHERE NOT granted"):
            time.sleep(0.01)
        lookups.wait(tx, [{**key, "fingerprint": "late"}])
    storing.join(5)
    assert tenant.one(WAITING) == 0
    assert tenant.one("SELECT given FROM lookup") is not None
    module._places.clear()


def test_an_answer_that_came_since_the_drain_looked_is_used_at_once(
    hall: Hall, cmdb: Cmdb, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = cmdb.tenant(hall)
    tenant.send(alert(host="h1"))
    hall.settle()
    monkeypatch.setattr(hall.module("_answers").lookups, "find", lambda tx, keys: [])
    tenant.send(alert("Other", host="h1"))
    assert tenant.column("SELECT added FROM alert") == ['{"team":"core"}'] * 2
    assert tenant.one(WAITING) == 0
    assert tenant.one("SELECT due_at FROM lookup") is None


def test_many_threads_ask_each_question_once(hall: Hall, cmdb: Cmdb) -> None:
    tenant = cmdb.tenant(hall)
    for n in range(40):
        cmdb.known[f"/hosts/m{n}"] = {"owner": {"team": f"t{n}"}}
    tenant.send(*(alert(host=f"m{n}") for n in range(40)))
    threads = [threading.Thread(target=ask, args=(hall,)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    hall.settle()
    assert sorted(request.path for request in cmdb.asked) == sorted(cmdb.known)[1:]
    assert len(tenant.column("SELECT DISTINCT added FROM alert")) == 40
