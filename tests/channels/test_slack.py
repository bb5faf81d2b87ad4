"""Slack as a person in the channel sees it, through a fake workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

import channels
from channels import _slack_blocks, slack
from schemas.alert import Severity
from tests.channels import messages
from tocsin import errors
from tocsin.demo import fakes
from tocsin.demo.fakes import faults
from tocsin.egress import addresses, guard

CHANNEL = "C0OPS"
KEY = "0198c0de-3333-7000-8000-000000000003"


@pytest.fixture
def workspace() -> Iterator[fakes.Fakes]:
    with fakes.serve() as running:
        yield running


@pytest.fixture
def there(workspace: fakes.Fakes) -> slack.Settings:
    return slack.Settings(channel=CHANNEL, token_file="bot", api_url=workspace.slack_api)


@pytest.fixture
def call() -> Iterator[channels.Call]:
    with guard.client(addresses.networks("127.0.0.0/8"), total=0.5) as http:
        yield channels.Call(key=KEY, secrets={"token": "xoxb-fake"}, http=http, now=messages.NOW)


def shown(workspace: fakes.Fakes) -> list[tuple[str, list[str]]]:
    """The headlines of the channel, each with the texts of its thread."""
    return [
        (message["text"], [reply["text"] for reply in message["replies"]])
        for message in workspace.slack.messages(CHANNEL)
    ]


def test_the_first_message(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call
) -> None:
    receipt = slack.send(messages.first(), there, call)
    [message] = workspace.slack.messages(CHANNEL)
    assert receipt.ref == {"channel": CHANNEL, "ts": message["ts"]}
    assert receipt.provider_id == message["ts"]
    assert message["text"] == "🔴 Critical: DiskFull on db-1"
    assert message["metadata"] == {"event_type": "tocsin", "event_payload": {"key": KEY}}
    told = json.dumps(message["blocks"], ensure_ascii=False)
    for sentence in (
        "Why you see this: route team=db sends critical alerts to ops",
        "1 alert is firing",
        "alertname: DiskFull",
        "• db-1: The disk of db-1 is full",
        "2026-03-07 03:07 UTC",
        "<https://tocsin.example/incidents/0198c0de|Open the incident>",
        "<https://runbooks.example/disk|Runbook>",
        "<https://prometheus.example/graph?g0.expr=disk&amp;g0.tab=1|Source>",
    ):
        assert sentence in told


def test_an_incident_is_one_message_and_its_thread(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call
) -> None:
    """It fires, grows, is acknowledged, is repeated, ends and comes back: one parent throughout."""
    ref = slack.send(messages.first(), there, call).ref
    for reason, changes in (
        ("new_alerts", {"firing": 2}),
        ("acknowledged", {"state": "acknowledged", "acknowledged_by": "Ada", "firing": 2}),
        ("repeat", {"state": "acknowledged", "acknowledged_by": "Ada", "firing": 2}),
        ("resolved", {"firing": 1, "resolved": 1}),
        ("resolved", {"state": "resolved", "firing": 0, "resolved": 2}),
        ("reopened", {"firing": 1, "resolved": 1}),
    ):
        message = messages.first(reason=reason, **changes)
        receipt = slack.send(message, there, replace(call, ref=ref, key=f"{KEY}{reason}{changes}"))
        assert receipt.ref == ref
        if reason == "acknowledged":
            assert shown(workspace)[0][0] == "👀 Acknowledged (Critical): DiskFull on db-1"
        if changes.get("state") == "resolved":
            assert shown(workspace)[0][0] == "✅ Resolved: DiskFull on db-1"
    assert shown(workspace) == [
        (
            "🔴 Critical: DiskFull on db-1",
            [
                "More alerts have joined. 2 alerts are firing.",
                "It still fires and is not resolved. 2 alerts are firing.",
                "Some of it is resolved, the rest still fires. 1 alert is firing, 1 alert is"
                " resolved.",
                "All is resolved: nothing fires any more. 2 alerts are resolved.",
                "It fires again. 1 alert is firing, 1 alert is resolved.",
            ],
        )
    ]
    assert workspace.slack.messages(CHANNEL)[0]["edits"] == 6


@pytest.mark.parametrize("error", ["message_not_found", "cant_update_message"])
def test_a_parent_that_is_gone_is_posted_anew(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call, error: str
) -> None:
    ref = {"channel": CHANNEL, "ts": "1600000000.000100"}
    if error != "message_not_found":
        workspace.script.add(faults.Fault("error", error=error, times=1))
    message = messages.first(reason="new_alerts")
    receipt = slack.send(message, there, replace(call, ref=ref))
    assert receipt.ref != ref
    assert shown(workspace) == [("🔴 Critical: DiskFull on db-1", [])]


def test_a_name_becomes_an_id(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call
) -> None:
    """chat.update takes ids only, so the reference must hold the one that Slack told."""
    named = there.model_copy(update={"channel": "#ops"})
    receipt = slack.send(messages.first(), named, call)
    assert receipt.ref
    assert receipt.ref["channel"].startswith("C")
    done = messages.first(state="resolved", reason="resolved", firing=0)
    slack.send(done, named, replace(call, ref=receipt.ref))
    [message] = workspace.slack.messages("#ops")
    assert message["text"].startswith("✅ Resolved")


def test_a_lost_reply_is_found_again(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call
) -> None:
    workspace.script.add(faults.Fault("cut_after", times=1))
    with pytest.raises(errors.Retryable) as lost:
        slack.send(messages.first(), there, call)
    assert lost.value.in_doubt
    receipt = slack.send(messages.first(), there, replace(call, attempt=2, may_repeat=True))
    [message] = workspace.slack.messages(CHANNEL)
    assert receipt.ref == {"channel": CHANNEL, "ts": message["ts"]}


def test_a_lost_reply_in_a_thread_is_found_again(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call
) -> None:
    ref = slack.send(messages.first(), there, call).ref
    message = messages.first(reason="new_alerts", firing=2)
    again = replace(call, ref=ref, key="0198c0de-4444-7000-8000-000000000004")
    workspace.script.add(faults.Fault(times=1))
    workspace.script.add(faults.Fault("cut_after", times=1))
    with pytest.raises(errors.Retryable):
        slack.send(message, there, again)
    receipt = slack.send(message, there, replace(again, attempt=2, may_repeat=True))
    [(_, thread)] = shown(workspace)
    assert len(thread) == 1
    assert receipt.provider_id == workspace.slack.messages(CHANNEL)[0]["replies"][0]["ts"]


def test_nothing_is_searched_for_when_nothing_was_in_doubt(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call
) -> None:
    slack.send(messages.first(), there, replace(call, attempt=2, may_repeat=False))
    assert [entry.path for entry in workspace.ledger.calls()] == ["/api/chat.postMessage"]


@pytest.mark.parametrize("fresh", [True, False])
def test_a_message_that_did_not_arrive_is_sent(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call, fresh: bool
) -> None:
    ref = None if fresh else slack.send(messages.first(), there, replace(call, key="old")).ref
    message = messages.first(reason="first" if fresh else "repeat")
    slack.send(message, there, replace(call, ref=ref, attempt=2, may_repeat=True))
    told = str(shown(workspace))
    assert "repeat:" not in told
    assert len(workspace.ledger.calls(key=KEY, provider="slack")) == (1 if fresh else 2)


@pytest.mark.parametrize("fresh", [True, False])
def test_without_the_right_to_look_it_says_so(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call, fresh: bool
) -> None:
    ref = None if fresh else slack.send(messages.first(), there, replace(call, key="old")).ref
    if not fresh:
        workspace.script.add(faults.Fault(times=1))
    workspace.script.add(faults.Fault("error", error="missing_scope", times=1))
    message = messages.first(reason="first" if fresh else "repeat")
    slack.send(message, there, replace(call, ref=ref, attempt=2, may_repeat=True))
    assert "This may be a repeat" in str(shown(workspace))


@pytest.mark.parametrize(
    "fault", [faults.Fault("error", error="ratelimited"), faults.Fault("status", status=429)]
)
def test_a_search_that_fails_is_waited_for_but_not_for_ever(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call, fault: faults.Fault
) -> None:
    workspace.script.add(replace(fault, times=2))
    with pytest.raises(errors.Retryable):
        slack.send(messages.first(), there, replace(call, attempt=2, may_repeat=True))
    assert shown(workspace) == []
    slack.send(messages.first(), there, replace(call, attempt=5, may_repeat=True))
    assert "This may be a repeat" in str(shown(workspace))


def test_slack_that_dislikes_the_form_gets_the_bare_text(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call
) -> None:
    """A page goes out even where the blocks are wrong."""
    workspace.script.add(faults.Fault("error", error="invalid_blocks", times=1))
    assert slack.send(messages.first(), there, call).ref
    [message] = workspace.slack.messages(CHANNEL)
    assert message["text"] == "🔴 Critical: DiskFull on db-1"
    assert "blocks" not in message


@pytest.mark.parametrize(
    ("error", "reason", "cure"),
    [
        ("invalid_auth", "authError", "Install the app again"),
        ("token_revoked", "authError", "Install the app again"),
        ("account_inactive", "authError", "Install the app again"),
        ("not_authed", "authError", "Install the app again"),
        ("missing_scope", "authError", "chat:write"),
        ("channel_not_found", "configError", "/invite"),
        ("is_archived", "configError", "archived"),
        ("not_in_channel", "configError", "/invite"),
        ("no_text", "clientError", "no_text"),
        ("<script>", "clientError", "script"),
    ],
)
def test_errors_for_good(
    workspace: fakes.Fakes,
    there: slack.Settings,
    call: channels.Call,
    error: str,
    reason: str,
    cure: str,
) -> None:
    workspace.script.add(faults.Fault("error", error=error))
    with pytest.raises(errors.Permanent) as refused:
        slack.send(messages.first(), there, call)
    assert refused.value.reason == reason
    assert cure in refused.value.message
    assert "<" not in refused.value.message


@pytest.mark.parametrize(
    ("error", "in_doubt"),
    [
        ("ratelimited", False),
        ("internal_error", True),
        ("fatal_error", True),
        ("request_timeout", True),
        ("service_unavailable", True),
    ],
)
def test_errors_for_now(
    workspace: fakes.Fakes,
    there: slack.Settings,
    call: channels.Call,
    error: str,
    in_doubt: bool,
) -> None:
    workspace.script.add(faults.Fault("error", error=error))
    with pytest.raises(errors.Retryable) as failed:
        slack.send(messages.first(), there, call)
    assert failed.value.in_doubt is in_doubt


@pytest.mark.parametrize(
    "kind", ["bad_json", "short", "huge", "drip", "hang", "hang_after", "cut_before", "cut_after"]
)
def test_answers_that_cannot_be_read_are_in_doubt(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call, kind: faults.Kind
) -> None:
    workspace.script.add(faults.Fault(kind))
    with pytest.raises(errors.Retryable) as failed:
        slack.send(messages.first(), there, call)
    assert failed.value.in_doubt


def test_a_wrong_token(workspace: fakes.Fakes, there: slack.Settings, call: channels.Call) -> None:
    with pytest.raises(errors.Permanent) as refused:
        slack.send(messages.first(), there, replace(call, secrets={"token": "xoxb-wrong"}))
    assert refused.value.reason == "authError"
    assert "xoxb-wrong" not in refused.value.message


def test_a_success_without_a_reference_is_a_success(
    workspace: fakes.Fakes, there: slack.Settings, call: channels.Call, monkeypatch: Any
) -> None:
    monkeypatch.setattr(slack._Client, "api_call", _answers({"ok": True}))
    assert slack.send(messages.first(), there, call) == channels.Receipt(None, "")


def test_proxies_of_the_environment_are_not_asked(
    workspace: fakes.Fakes,
    there: slack.Settings,
    call: channels.Call,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert slack.send(messages.first(), there, call).ref


@pytest.mark.parametrize("text", messages.HOSTILE, ids=range(len(messages.HOSTILE)))
def test_slacks_limits_are_kept(text: str) -> None:
    message = messages.hostile(text)
    _assert_within_limits(_slack_blocks.blocks(message, "en", ("note",) * 3))
    assert len(_slack_blocks.change(message, "en")) <= 3000
    assert _slack_blocks.headline(message, "en").isprintable()


def test_only_our_own_links_are_links() -> None:
    message = messages.hostile(messages.HOSTILE[0])
    parts = _texts(_slack_blocks.blocks(message, "en"))
    marked = [part for part in parts if part["type"] == "mrkdwn"]
    assert all("<" not in part["text"] for part in parts if part not in marked)
    assert all(part["verbatim"] for part in marked)
    assert [part["text"].partition("|")[0] for part in marked] == [
        "Since <!date^1772852820^{date_short_pretty} {time}",
        "<https://tocsin.example/incidents/0198c0de",
        "<https://ok.example/%7C<!channel>".replace("<!channel>", "%3C!channel%3E%20%3C!here%3E")
        + "%20%3C@U0EVIL%3E%20%3Chttps://evil.example%7Cclick%3E%3E",
    ]


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://a.example/?x=1&y=2", "https://a.example/?x=1&amp;y=2"),
        ("http://a.example/a b|c>d", "http://a.example/a%20b%7Cc%3Ed"),
        ("javascript:alert(1)", None),
        ("https:", None),
        ("file:///etc/passwd", None),
        ("http://[", None),
        ("https://a.example/" + "x" * 5000, None),
        ("", None),
    ],
)
def test_links(url: str, safe: str | None) -> None:
    assert _slack_blocks.safe_url(url) == safe


def test_many_alerts_are_counted_not_shown() -> None:
    message = messages.first(alerts=[messages.alert()] * 25, firing=45, truncated=20)
    told = "".join(part["text"] for part in _texts(_slack_blocks.blocks(message, "en")))
    assert told.count("•") == 10
    assert "and 35 more" in told


@pytest.mark.parametrize("severity", ["critical", "error", "warning", "info", "none"])
def test_the_severity_is_a_word(severity: Severity) -> None:
    words = {"none": "No severity"}.get(severity, severity.capitalize())
    assert words in _slack_blocks.headline(messages.first(severity=severity), "en")


def test_destinations() -> None:
    one = slack.Settings(channel="#ops", token_file="bot-a")
    two = slack.Settings(channel="#ops", token_env="BOT-B")
    assert slack.destination(one) == "slack #ops (bot-a)"
    assert slack.destination(one) != slack.destination(two)


def _answers(data: dict[str, Any]) -> Any:
    def answer(self: object, method: str, **_: object) -> Any:
        return type("Response", (), {"data": data})()

    return answer


def _texts(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for block in blocks:
        found += [block["text"]] if "text" in block else []
        found += block.get("fields", []) + block.get("elements", [])
    return found


def _assert_within_limits(blocks: list[dict[str, Any]]) -> None:
    assert len(blocks) <= 50
    for block in blocks:
        if block["type"] == "header":
            assert 1 <= len(block["text"]["text"]) <= 150
        elif "text" in block:
            assert 1 <= len(block["text"]["text"]) <= 3000
        assert len(block.get("fields", [])) <= 10
        assert len(block.get("elements", [])) <= 10
        for part in block.get("fields", []) + block.get("elements", []):
            assert 1 <= len(part["text"]) <= 2000
