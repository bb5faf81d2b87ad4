"""What channels make of the words of templates."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

import channels
from channels import _slack_blocks, slack, webhook
from tests.channels import messages
from tocsin.egress import exchange


def blocks() -> list[dict[str, Any]]:
    return _slack_blocks.blocks(messages.first(notes=["Facts are missing."]), "en")


def test_slack_shows_the_words_between_header_and_links() -> None:
    worded = _slack_blocks.worded(blocks(), "*Disk* <https://a.example/|x>")
    assert [block["type"] for block in worded] == ["header", "section", "context", "context"]
    text = {"type": "mrkdwn", "text": "*Disk* <https://a.example/|x>", "verbatim": True}
    assert worded[1]["text"] == text
    assert worded[3]["elements"][0]["text"] == "Facts are missing."
    assert _slack_blocks.worded(blocks(), "") == blocks()


@pytest.mark.parametrize(
    "text",
    ["line of words\n" * 1100, "&amp;" * 3270, "<https://a.example/|x>" * 740, "x" * 16384],
    ids=["lines", "entities", "links", "one"],
)
def test_long_words_are_cut_where_it_harms_nothing(text: str) -> None:
    worded = _slack_blocks.worded(blocks(), text)
    pieces = [b["text"]["text"] for b in worded if b["type"] == "section"]
    assert 1 < len(pieces) <= _slack_blocks.TEXT_SECTIONS
    assert all(0 < len(piece) <= _slack_blocks.SECTION for piece in pieces)
    for piece in pieces:
        assert not re.search(r"&\w*$|<[^>]*$", piece)
        assert not re.match(r"(amp|https?:|\||;)", piece)
    assert text.replace("\n", "").startswith("".join(pieces).replace("\n", ""))


def test_slack_posts_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def post(http: object, url: str, content: bytes, headers: object, **more: Any) -> Any:
        sent.append(json.loads(content))
        reply = {"ok": True, "channel": "C1", "ts": "1.2"}
        return exchange.Reply(200, httpx.Headers(), json.dumps(reply).encode())

    monkeypatch.setattr(exchange, "post", post)
    settings = slack.Settings(channel="C1", token_file="t")
    call = channels.Call(
        key="k", secrets={"token": "xoxb-1"}, http=httpx.Client(), now=messages.NOW,
        texts={"text": "*mine*"},
    )  # fmt: skip
    slack.send(messages.first(), settings, call)
    sections = [block for block in sent[0]["blocks"] if block["type"] == "section"]
    assert [section["text"]["text"] for section in sections] == ["*mine*"]
    assert sent[0]["text"] == "🔴 Critical: DiskFull on db-1"


def test_webhook_posts_and_signs_the_words(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = []

    def post(http: object, url: str, content: bytes, headers: dict[str, str], **more: Any) -> None:
        sent.append((content, headers))

    monkeypatch.setattr(exchange, "post", post)
    secret = "whsec_" + "A" * 32
    settings = webhook.Settings(url="https://a.example/", signing_secret_file="s")
    call = channels.Call(
        key="k", secrets={"signing_secret": secret}, http=httpx.Client(), now=messages.NOW,
        texts={"body": '{"mine": "ä"}'},
    )  # fmt: skip
    webhook.send(messages.first(), settings, call)
    [(content, headers)] = sent
    assert json.loads(content) == {"mine": "ä"}
    signed = webhook.signatures(secret, "k", messages.NOW, content)
    assert headers["webhook-signature"] == signed


def test_own_words_of_each_channel_are_of_its_parts() -> None:
    for name, channel in channels.REGISTRY.items():
        assert set(channels.own_words(name, messages.first(), "en")) <= set(channel.PARTS)
    assert "1 alert is firing" in channels.own_words("slack", messages.first(), "en")["text"]
    body = json.loads(channels.own_words("webhook", messages.first(), "en")["body"])
    assert body["status"] == "firing"
