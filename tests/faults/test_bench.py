"""The bench does what it says: it breaks what it should, notes it first, and draws by the seed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

import channels
from ingest import sources
from ingest.sources import alertmanager, native, prometheus
from tests.faults import client, history, load, nemesis, proxy, report, world
from tests.faults.checker import check
from tests.faults.verdict import Verdict
from tocsin.config import documents
from tocsin.demo.fakes.server import running

NOW = datetime(2026, 11, 21, 3, 7, tzinfo=UTC)
CANARIES = ["a" * 32, "b" * 32, "c" * 32]


class Server:
    """Answers each piece with itself, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.port = 0
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(1000):
                self.asked.append(piece)
                writer.write(piece)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server()) as made:
        yield made


@pytest.fixture
def door(server: Server) -> Iterator[proxy.Door]:
    doors = proxy.Doors()
    yield doors.open("echo", proxy.to_port(server.port), random.Random(1))
    doors.close()


def ask(door: proxy.Door, said: bytes) -> bytes:
    """What comes back; "" where the connection ended without an answer."""
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as conn:
        try:
            conn.sendall(said)
            return conn.recv(1000)
        except ConnectionError:
            return b""


def test_a_door_passes_everything_on_unless_it_is_told_otherwise(
    door: proxy.Door, server: Server
) -> None:
    assert ask(door, b"hello") == b"hello"
    assert server.asked == [b"hello"]


def test_a_swallowed_answer_was_done_and_a_dropped_question_was_not(
    door: proxy.Door, server: Server
) -> None:
    with door.behaving(proxy.Manner(swallow=1.0)):
        assert ask(door, b"done") == b""
    assert server.asked == [b"done"]
    with door.behaving(proxy.Manner(drop=1.0)):
        assert ask(door, b"never") == b""
    assert server.asked == [b"done"]
    assert door.cuts == 2
    assert ask(door, b"again") == b"again"


def test_only_what_holds_the_mark_is_lost(door: proxy.Door, server: Server) -> None:
    with door.behaving(proxy.Manner(swallow=1.0, mark=b"COMMIT")):
        assert ask(door, b"SELECT") == b"SELECT"
        assert ask(door, b"a COMMIT b") == b""
    assert server.asked == [b"SELECT", b"a COMMIT b"]


def test_a_door_that_refuses_cuts_what_is_open(door: proxy.Door) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as conn:
        conn.sendall(b"x")
        assert conn.recv(10) == b"x"
        with door.behaving(proxy.Manner(refuse=True)):
            with pytest.raises(ConnectionError):
                conn.recv(10)
            # The reset may come before or after the connection is made.
            with contextlib.suppress(ConnectionError):
                assert ask(door, b"no") == b""
    assert ask(door, b"yes") == b"yes"


def test_what_a_deaf_door_got_passes_when_it_hears_again(door: proxy.Door, server: Server) -> None:
    with socket.create_connection(("127.0.0.1", door.port), timeout=10) as conn:
        conn.sendall(b"a")
        assert conn.recv(10) == b"a"
        with door.behaving(proxy.Manner(deaf=True)):
            conn.sendall(b"b")
            # Another way to the same server proves that it had the time to get there.
            with socket.create_connection(("127.0.0.1", server.port), timeout=10) as other:
                other.sendall(b"c")
                assert other.recv(10) == b"c"
            assert server.asked == [b"a", b"c"]
        assert conn.recv(10) == b"b"


def test_a_seed_draws_the_same_run_again() -> None:
    known = nemesis.load()

    def drawn(seed: int) -> tuple[Any, ...]:
        plan = [fault.name for fault in nemesis.draw(random.Random(seed), known, "quick")]
        lanes = load.draw(random.Random(seed), CANARIES, 300, 10)
        return plan, lanes, world.draw(random.Random(seed))

    assert drawn(7) == drawn(7)
    assert drawn(7) != drawn(8)


def test_every_fault_can_be_drawn_and_what_is_gone_is_not_broken_as_well() -> None:
    known, seen = nemesis.load(), set()
    for seed in range(300):
        plan = nemesis.draw(random.Random(seed), known, "quick")
        seen |= {fault.name for fault in plan}
        throughout = [fault for fault in plan if fault.throughout]
        assert plan[: len(throughout)] == throughout
        for one in throughout:
            assert [each for each in plan if each.kind == one.kind] == [one]
    assert seen == set(known)


def test_each_run_of_a_soak_travels() -> None:
    known = nemesis.load()
    for seed in range(30):
        plan = nemesis.draw(random.Random(seed), known, "soak")
        assert nemesis.ALWAYS in [fault.name for fault in plan]


def test_the_load_has_its_share_of_everything() -> None:
    lanes = load.draw(random.Random(1), CANARIES, 5000, 30)
    drafts = [draft for lane in lanes for post in lane.posts for draft in post.alerts]
    once = {id(draft) for draft in drafts}
    assert 4900 < len(drafts) < 5100
    assert 0.06 < 1 - len(once) / len(drafts) < 0.14  # posted again as they were
    assert 0.01 < sum(draft.hostile is not None for draft in drafts) / len(drafts) < 0.03
    assert sum(draft.late for draft in drafts) > 50
    for lane in lanes:
        assert [post.at for post in lane.posts] == sorted(post.at for post in lane.posts)
        found = {
            draft.labels["site"] for post in lane.posts for draft in post.alerts if draft.labels
        }
        assert found == {CANARIES[lane.tenant]}


@pytest.mark.parametrize("source", ["prometheus", "alertmanager", "native"])
@pytest.mark.parametrize("document", load.HOSTILE, ids=str)
def test_what_is_called_hostile_is_refused_and_its_neighbour_taken(
    source: str, document: Any
) -> None:
    parse = {"prometheus": prometheus, "alertmanager": alertmanager, "native": native}[source].parse
    good = client.drawn(load.Draft({"alertname": "Good"}, 0), NOW.timestamp(), NOW.timestamp())
    bad = client.drawn(load.Draft({}, 0, hostile=document), NOW.timestamp(), NOW.timestamp())
    body = json.dumps(client.written(source, [good, bad])).encode()
    found = parse(body, NOW, 300.0)
    assert [alert.labels for alert in found.alerts] == [{"alertname": "Good"}]
    assert [each.index for each in found.rejected] == [1]


def test_every_source_of_the_bench_is_one() -> None:
    assert sources.__path__
    found = {"prometheus": prometheus, "alertmanager": alertmanager, "native": native}
    for name, path in client.PATHS.items():
        assert path in found[name].PATHS


def test_the_policies_can_be_applied() -> None:
    for tenant in world.draw(random.Random(3)):
        text = tenant.document("http://127.0.0.1:8431")
        policy = documents.parse(text, channels.settings_models())
        assert set(policy.receivers) == set(tenant.plain()["receivers"])
        assert {person.name for person in policy.people} == set(tenant.people)


@pytest.mark.parametrize(
    ("status", "text", "outcome"),
    [
        (200, "", "accepted"),
        (400, '"startsAt must be a time"', "accepted"),
        (400, '{"code":400,"message":"not JSON"}', "refused"),
        (401, "{}", "refused"),
        (503, "", "doubt"),
        (None, "", "doubt"),
    ],
)
def test_an_answer_means_what_a_sender_may_conclude(
    status: int | None, text: str, outcome: str
) -> None:
    reply = None if status is None else httpx.Response(status, text=text)
    said = {"alerts": [{"hostile": True}, {}]}
    found = client.outcome("post", said, reply)
    assert found["outcome"] == outcome
    assert found.get("rejected", []) == ([0] if outcome == "accepted" else [])


def test_a_request_is_in_the_ledger_before_it_is_made(tmp_path: Path) -> None:
    file = tmp_path / history.CLIENT
    journal = history.Journal(file, lambda: 1.5)
    sender = client.Client(journal, lambda: 1.5, ["http://127.0.0.1:9"])
    tenant = world.draw(random.Random(1))[0]

    def work() -> httpx.Response:
        (before,) = history.read(file)
        assert (before["phase"], before["alerts"]) == ("begin", [])
        raise httpx.ConnectError("nobody is there")

    assert sender.request("post", tenant, {"source": "native", "alerts": []}, work) is None
    sender.close()
    journal.close()
    after = list(history.read(file))[-1]
    assert (after["phase"], after["outcome"], after["t"]) == ("end", "doubt", 1.5)


def test_half_a_last_line_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / "lines.jsonl"
    file.write_text('{"a":1}\n{"a":')
    assert list(history.read(file)) == [{"a": 1}]
    assert list(history.read(tmp_path / "none.jsonl")) == []


def test_a_history_that_is_empty_is_no_proof(tmp_path: Path) -> None:
    """Nothing written down must not look like nothing lost."""
    (tmp_path / history.RUN).write_text(json.dumps({"tenants": [], "secrets": []}))
    assert not all(verdict.ok for verdict in check(tmp_path))


def test_the_table_says_what_was_wrong() -> None:
    good = Verdict("I1", "nothing is lost", "0", "0", True, ["not shown"])
    bad = Verdict("I2", "nothing is doubled", "1", "0", False, ["alert x twice"])
    lines = report.table([good, bad])
    assert lines[1].endswith("yes")
    assert lines[2].endswith("NO")
    assert lines[3:] == ["I2: alert x twice"]


def test_what_was_once_red_can_be_played_again() -> None:
    known = nemesis.load()
    assert report.once_red()
    for seed, names in report.once_red():
        assert seed >= 0
        assert set(names or ()) <= set(known)
