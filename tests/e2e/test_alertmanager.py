"""A real Alertmanager posts to us by webhook: what it tells arrives, what we refuse it repeats."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests import alertmanager
from tests.e2e.conftest import Stack, Tenant, eventually, free_port, iso
from tests.e2e.test_spine import SLACK

#: Alertmanager's own interval: it speaks of changes no sooner.
CONFIG = """
route:
  receiver: tocsin
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: tocsin
    webhook_configs:
      - url: '{url}/webhooks/alertmanager'
        send_resolved: true
        http_config:
          authorization:
            type: Bearer
            credentials: '{token}'
"""
LABELS = {"alertname": "ApiDown", "service": "api", "severity": "critical"}


@pytest.fixture(scope="module")
def program(request: pytest.FixtureRequest) -> str:
    """The program; without it a user's machine may go on, but not CI."""
    found = alertmanager.find()
    if found is None and os.environ.get("CI"):
        pytest.fail(f"under CI this must not be left out: {alertmanager.MISSING}")
    if found is None:
        warn(request.config, alertmanager.MISSING)
        pytest.skip(alertmanager.MISSING)
    return found


def warn(config: pytest.Config, text: str) -> None:
    """A line that is seen at once, whatever becomes of the captured output."""
    capture = config.pluginmanager.get_plugin("capturemanager")
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if capture is not None and terminal is not None:
        with capture.global_and_fixture_disabled():
            terminal.ensure_newline()
            terminal.write_line(f"warning: {text}", yellow=True, bold=True)


@pytest.fixture
def tenant(stack: Stack) -> Tenant:
    return stack.tenant(SLACK)


@pytest.fixture
def sender(program: str, tenant: Tenant) -> Iterator[alertmanager.Alertmanager]:
    """An Alertmanager that tells this tenant of all it hears."""
    config = CONFIG.replace("{url}", tenant.stack.url).replace("{token}", tenant.token)
    with alertmanager.running(program, config, free_port()) as started:
        yield started


def post(sender: alertmanager.Alertmanager, *, starts: float, ends: float) -> None:
    """Tell Alertmanager, as Prometheus does: with the same start each time."""
    body = {"labels": LABELS, "annotations": {"summary": "no answer"}, "startsAt": iso(starts),
            "endsAt": iso(ends)}  # fmt: skip
    httpx.post(f"{sender.url}/api/v2/alerts", json=[body]).raise_for_status()


def told(sender: alertmanager.Alertmanager) -> tuple[float, float]:
    """How many notifications Alertmanager has got through, and how many attempts it made."""
    done = sender.metric("alertmanager_notifications_total", integration="webhook")
    tried = sender.metric("alertmanager_notification_requests_total", integration="webhook")
    return done, tried


def test_what_fires_and_resolves_is_one_message_and_its_thread(
    tenant: Tenant, sender: alertmanager.Alertmanager
) -> None:
    began = time.time() - 60
    post(sender, starts=began, ends=began + 3600)
    shown = eventually(tenant.slack)
    assert len(shown) == 1
    assert "ApiDown" in shown[0]["text"]
    assert "Resolved" not in shown[0]["text"]
    assert shown[0]["edits"] == 0

    post(sender, starts=began, ends=time.time())
    shown = eventually(lambda: (now := tenant.slack()) and now[0]["replies"] and now)
    assert len(shown) == 1
    assert "Resolved" in shown[0]["text"]
    assert len(shown[0]["replies"]) == 1
    assert [each["state"] for each in tenant.get("/incidents")["items"]] == ["resolved"]


def test_what_we_answer_with_503_is_repeated_and_nothing_is_doubled(
    tenant: Tenant, sender: alertmanager.Alertmanager
) -> None:
    with frozen(tenant.stack.supervisor.servers["postgres"].process.pid):
        post(sender, starts=time.time(), ends=time.time() + 3600)
        # The first attempt hangs until our patience ends; those that follow are refused at once.
        eventually(lambda: "unexpected status code 503" in sender.said(), within=30)
    shown = eventually(tenant.slack, within=30)
    eventually(lambda: told(sender)[0] == 1, within=30)
    tenant.quiet()

    done, tried = told(sender)
    assert tried > done == 1
    assert tenant.rows("SELECT status FROM alert") == [{"status": "firing"}]
    assert len(tenant.get("/incidents")["items"]) == 1
    deliveries = tenant.rows("SELECT state FROM delivery")
    assert [each["state"] for each in deliveries] == ["sent"]
    shown = tenant.slack()
    assert len(shown) == 1
    assert shown[0]["replies"] == []


@contextmanager
def frozen(postmaster: int) -> Iterator[None]:
    """PostgreSQL as it is on a machine whose disk hangs: there, but it does nothing."""
    stopped: list[int] = []
    try:
        # The postmaster first, so that nobody is born while the others are looked for.
        for pids in ([postmaster], children(postmaster)):
            for pid in pids:
                stopped.append(pid)
                os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)


def children(parent: int) -> list[int]:
    tasks = Path(f"/proc/{parent}/task/{parent}/children").read_text()
    return [int(pid) for pid in tasks.split()]
