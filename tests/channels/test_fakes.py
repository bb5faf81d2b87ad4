"""The fake providers do what they are told; tests of the rest lean on this."""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import httpx
import pytest
import standardwebhooks

from tocsin.demo import fakes
from tocsin.demo.fakes import faults, ledger

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def providers(tmp_path: Path) -> Iterator[fakes.Fakes]:
    with fakes.serve(ledger_file=tmp_path / "ledger.jsonl", fsync=True) as running:
        yield running


@pytest.fixture
def http(providers: fakes.Fakes) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=providers.url, timeout=0.5, trust_env=False) as client:
        yield client


def slack_call(http: httpx.Client, method: str, **given: Any) -> dict[str, Any]:
    headers = {"authorization": "Bearer xoxb-fake"}
    answer: dict[str, Any] = http.post(f"/api/{method}", json=given, headers=headers).json()
    return answer


def test_the_ledger_is_on_disk_before_the_reply(
    providers: fakes.Fakes, http: httpx.Client, tmp_path: Path
) -> None:
    for _ in range(2):
        http.post("/hook/a", json={"n": 1}, headers={"webhook-id": "k"})
    entries = list(ledger.read(tmp_path / "ledger.jsonl"))
    assert entries == providers.ledger.calls(dest="/hook/a")
    assert [(entry.key, entry.seen, entry.status) for entry in entries] == [
        ("k", 1, 200),
        ("k", 2, 200),
    ]
    assert providers.webhooks.visible("/hook/a") == [{"n": 1}]
    assert providers.webhooks.paths() == ["/hook/a"]


def test_a_line_that_was_cut_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b'{"t": 1')
    assert list(ledger.read(tmp_path / "x")) == []


def test_slack(providers: fakes.Fakes, http: httpx.Client) -> None:
    assert slack_call(http, "auth.test")["ok"]
    posted = slack_call(http, "chat.postMessage", channel="#ops", text="a")
    channel, ts = posted["channel"], posted["ts"]
    slack_call(http, "chat.postMessage", channel=channel, text="b", thread_ts=ts)
    assert slack_call(http, "chat.update", channel=channel, ts=ts, text="c")["ok"]
    [message] = providers.slack.messages("#ops")
    assert (message["text"], message["edits"]) == ("c", 1)
    assert [reply["text"] for reply in message["replies"]] == ["b"]
    history = slack_call(http, "conversations.history", channel=channel)["messages"]
    assert [(one["ts"], one["text"]) for one in history] == [(ts, "c")]
    thread = slack_call(http, "conversations.replies", channel=channel, ts=ts)["messages"]
    assert [one["text"] for one in thread] == ["c", "b"]
    providers.slack.forget(channel, ts)
    for method, error in (
        ("chat.update", "message_not_found"),
        ("conversations.replies", "thread_not_found"),
        ("chat.delete", "unknown_method"),
    ):
        assert slack_call(http, method, channel=channel, ts=ts)["error"] == error
    assert slack_call(http, "chat.postMessage", channel=channel)["error"] == "no_text"
    assert http.post("/api/auth.test").json()["error"] == "not_authed"


def test_a_signed_webhook(providers: fakes.Fakes, http: httpx.Client) -> None:
    providers.webhooks.secrets["/hook/a"] = SECRET
    now = datetime.datetime.now(datetime.UTC)
    for age, status in ((0, 200), (1000, 401), (-1000, 401)):
        at = now - datetime.timedelta(seconds=age)
        headers = {
            "webhook-id": f"k{age}",
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": standardwebhooks.Webhook(SECRET).sign(f"k{age}", at, "{}"),
        }
        assert http.post("/hook/a", content="{}", headers=headers).status_code == status
        headers["webhook-signature"] = "v1,AAAA"
        assert http.post("/hook/a", content="{}", headers=headers).status_code == 401
    assert http.post("/hook/a", content="{}").status_code == 401
    assert len(providers.webhooks.visible("/hook/a")) == 1


@pytest.mark.parametrize(
    ("fault", "status", "effect"),
    [
        ({"kind": "status", "status": 503}, 503, False),
        ({"kind": "redirect"}, 302, False),
        ({"kind": "error"}, 200, False),
        ({"kind": "bad_json"}, 200, True),
        ({"kind": "cut_before"}, None, False),
        ({"kind": "cut_after"}, None, True),
        ({"kind": "hang"}, None, False),
        ({"kind": "hang_after"}, None, True),
        ({"kind": "none", "latency": 0.01}, 200, True),
    ],
)
def test_faults_over_http(
    providers: fakes.Fakes,
    http: httpx.Client,
    fault: dict[str, Any],
    status: int | None,
    effect: bool,
) -> None:
    http.post("/_control", json={"dest": "/hook/a", "fault": {**fault, "times": 1}})
    if status is None:
        with pytest.raises(httpx.TransportError):
            http.post("/hook/a", json={})
    else:
        assert http.post("/hook/a", json={}).status_code == status
    assert len(providers.webhooks.visible("/hook/a")) == effect
    [entry] = providers.ledger.calls()
    assert (entry.status, entry.effect, entry.fault) == (status or 0, effect, fault["kind"])
    assert http.post("/hook/a", json={}).status_code == 200


def test_a_script_plays_in_order(providers: fakes.Fakes, http: httpx.Client) -> None:
    providers.script.add(faults.Fault("status", status=500, times=2), dest="/hook/a")
    providers.script.add(faults.Fault("status", status=410), provider="webhook")
    statuses = [http.post("/hook/a", json={}).status_code for _ in range(4)]
    assert statuses == [500, 500, 410, 410]
    providers.script.clear()
    assert http.post("/hook/a", json={}).status_code == 200


def test_the_remote_control(providers: fakes.Fakes, http: httpx.Client) -> None:
    orders = {"secrets": {"*": SECRET}, "tokens": ["xoxb-new"], "clock_offset": 60, "clear": "*"}
    assert http.post("/_control", json=orders).json() == {"ok": True}
    assert http.post("/hook/a", json={}).status_code == 401
    assert slack_call(http, "auth.test")["error"] == "invalid_auth"
    assert len(http.get("/_ledger", params={"provider": "webhook"}).json()) == 1
    assert http.get("/_slack", params={"channel": "#ops"}).json() == []
    assert http.get("/_webhook", params={"path": "/hook/a"}).json() == []
    assert http.get("/else").status_code == 404
    for bad in ({"fault": {"kind": "sneeze"}}, {"fault": {"colour": 1}}, {"clock_offset": "x"}):
        assert http.post("/_control", json=bad).status_code == 400


def test_many_at_once(providers: fakes.Fakes, http: httpx.Client) -> None:
    def post(number: int) -> int:
        return http.post("/hook/a", json={}, headers={"webhook-id": str(number)}).status_code

    with futures.ThreadPoolExecutor(8) as threads:
        assert set(threads.map(post, range(200))) == {200}
    assert len(providers.webhooks.visible("/hook/a")) == 200
    assert len(providers.ledger.calls()) == 200


def test_as_a_process(tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    command = [sys.executable, "-m", "tocsin.demo.fakes", "--ledger", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        url = process.stdout.readline().split()[-1]
        assert httpx.post(f"{url}/hook/a", json={}, trust_env=False).status_code == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    assert json.loads(file.read_text())["dest"] == "/hook/a"
