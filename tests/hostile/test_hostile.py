"""Plays every hostile input against a real server, lets the workers run, and looks what is left.

Never a 500, never a second of work, never memory that stays, never a row that breaks a worker,
never an alert that nobody accounts for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from tests.e2e.conftest import Stack, eventually
from tests.hostile import scenes, words

PLAIN = """
route: {receiver: ops, group_by: [alertname], group_wait: 0s, group_interval: 1s}
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
accounts: {webhook: {}}
people: [{name: anna, webhook: "https://push.example.org/"}]
schedules: [{name: primary, layers: [{people: [anna]}]}]
"""
ACCOUNT = """
SELECT (SELECT coalesce(sum(value), 0)::int FROM (
    SELECT name, value FROM counter UNION ALL SELECT name, value FROM tally) c
    WHERE name = 'alerts_accepted_total') AS accepted,
  (SELECT coalesce(sum(count), 0)::int FROM alert WHERE source <> 'tocsin') AS alerts,
  (SELECT coalesce(sum(alerts), 0)::int FROM quarantine) AS quarantined,
  (SELECT count(*)::int FROM quarantine WHERE field = 'drain') AS buried,
  (SELECT count(*)::int FROM inbox) AS waiting,
  (SELECT count(*)::int FROM alert_event WHERE outcome IS NULL) AS pending
"""


def test_all_sixty_nine_are_there() -> None:
    assert [int(file.name[:2]) for file in words.files()] == list(range(1, 70))
    for file in words.files():
        said = file.read_text().split('"""')[1]
        assert said.startswith(f"{int(file.name[:2])}: "), file.name


def answers(port: int) -> bool:
    """Whether the ingest of its own, which nobody else waits for, is up too."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}/-/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture(scope="module", autouse=True)
def no_worker_breaks(stack: Stack, log: scenes.Log) -> Iterator[None]:
    """Whatever was played, no process of the installation stumbled or was started anew."""
    eventually(lambda: answers(stack.supervisor.options.port + 1), within=60)
    began = [child.process for child in stack.supervisor.children]
    yield
    assert [child.process for child in stack.supervisor.children] == began, log.lines()[-200:]
    with psycopg.connect(stack.supervisor.servers["postgres"].url) as owner:
        assert owner.execute("SELECT * FROM drain_note WHERE ids <> '{}'").fetchall() == []
    stumbled = [line for line in log.lines() if "Traceback" in line or '"level":"error"' in line]
    assert stumbled == []
    assert "toc_" not in log.getvalue()


@pytest.mark.timeout(120)  # hostile input must not hang us
@pytest.mark.parametrize("file", words.files(), ids=lambda file: str(file.stem))
def test_hostile_input(file: Path, scene: Callable[[str], scenes.Scene]) -> None:
    module = words.load(file)
    here = scene(getattr(module, "POLICY", PLAIN))
    cases = module.cases(here) if hasattr(module, "cases") else module.CASES
    assert cases
    with here.at_rest():
        for case in cases:
            play(here, case)
        here.tenant.quiet()
    accounted(here)
    if hasattr(module, "after"):
        module.after(here)


def play(here: scenes.Scene, case: words.Case | words.Raw) -> None:
    if isinstance(case, words.Raw):
        answer = here.speak(case)
        word = answer.split(b" ", 2)[1] if answer.startswith(b"HTTP/1.1 ") else answer[:20]
        assert word in case.fine, answer[:200]
        assert answer.count(b"HTTP/1.1 ") <= case.answers, answer[:400]
    else:
        found = here.send(case)
        assert found.status_code in case.fine, found.text[:300]
        assert case.says in found.text
        if case.accepted is not None:
            assert found.json()["accepted"] == case.accepted, found.text[:300]
    assert here.stack.client.get("/-/healthy").text == "OK"


def accounted(here: scenes.Scene) -> None:
    """Every alert that was accepted is an alert, or lies in the quarantine with a reason."""
    [found] = here.tenant.rows(ACCOUNT)
    assert found["waiting"] == found["pending"] == found["buried"] == 0
    assert found["accepted"] == found["alerts"] + found["quarantined"]
    assert here.tenant.rows(
        "SELECT fingerprint FROM alert WHERE labels LIKE '%%TocsinQuarantined%%'"
    ) == []  # fmt: skip
