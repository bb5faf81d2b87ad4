"""A fake of the part of Slack's Web API that Tocsin uses, with channels one can look into."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterable
from typing import Any
from urllib import parse

import httpx

from tocsin.demo.fakes import server

_PREFIX = "/api/"
#: Where what only one person sees is posted.
_RESPONSES = "/slack-response/"
_ID_LETTERS = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


class Slack:
    """One workspace: a message per entry, its thread under ``replies``, edits counted."""

    provider = "slack"

    def __init__(self, clock: Callable[[], float], tokens: Iterable[str] = ("xoxb-fake",)) -> None:
        self._clock = clock
        self.tokens = set(tokens)
        self._lock = threading.Lock()
        self._channels: dict[str, dict[str, dict[str, Any]]] = {}
        self._last = 0
        self.signing_secret = "fake-signing-secret"
        #: What people who pressed buttons were told, visible to them alone.
        self.whispers: list[dict[str, Any]] = []

    def owns(self, path: str) -> bool:
        """Whether this provider answers on ``path``."""
        return path.startswith((_PREFIX, _RESPONSES))

    def address(self, request: server.Request) -> tuple[str, str]:
        """Destination (the channel as it was written) and the key that Tocsin hides in metadata."""
        given = _arguments(request)
        payload = (given.get("metadata") or {}).get("event_payload") or {}
        return str(given.get("channel", "")), str(payload.get("key", ""))

    def refuse(self, request: server.Request) -> server.Reply | None:
        """What Slack answers to a token that it does not know."""
        if request.path.startswith(_RESPONSES):
            return None  # the address itself is the secret
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token in self.tokens:
            return None
        return _answer(ok=False, error="invalid_auth" if token else "not_authed")

    def act(self, request: server.Request) -> server.Reply:
        """Do what the method says."""
        if request.path.startswith(_RESPONSES):
            self.whispers.append(_arguments(request))
            return _answer(ok=True)
        method = _METHODS.get(request.path.removeprefix(_PREFIX))
        if method is None:
            return _answer(ok=False, error="unknown_method")
        with self._lock:
            return method(self, _arguments(request))

    def messages(self, channel: str) -> list[dict[str, Any]]:
        """What a person who opens the channel sees, oldest first, threads under ``replies``."""
        with self._lock:
            return copy.deepcopy(list(self._channels.get(channel_id(channel), {}).values()))

    def click(
        self, url: str, channel: str, ts: str, action: str, user: str, *, choice: int | None = None,
        base: str = "",
    ) -> httpx.Response:  # fmt: skip
        """Somebody presses a button that the message really has, or takes the choice of a menu."""
        with self._lock:
            message, trigger = self._channels[channel_id(channel)][ts], self._ts()
            shown = [each for block in message["blocks"] for each in block.get("elements", ())]
        element = next(each for each in shown if each.get("action_id") == action)
        pressed = {"type": element["type"], "action_id": action}
        if choice is None:
            pressed["value"] = element["value"]
        else:
            pressed["selected_option"] = element["options"][choice]
        payload = {
            "type": "block_actions", "user": {"id": user, "username": user.lower()},
            "container": {"type": "message", "message_ts": ts, "channel_id": channel},
            "actions": [pressed], "trigger_id": trigger,
            "response_url": f"{base}{_RESPONSES}{user}",
        }  # fmt: skip
        return self.interact(url, payload)

    def interact(self, url: str, payload: dict[str, Any]) -> httpx.Response:
        """Post an interaction, signed as Slack signs."""
        body = parse.urlencode({"payload": json.dumps(payload)}).encode()
        sent = str(int(self._clock()))
        signed = f"v0:{sent}:".encode() + body
        digest = hmac.new(self.signing_secret.encode(), signed, hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": sent, "X-Slack-Signature": f"v0={digest}",
                   "Content-Type": "application/x-www-form-urlencoded"}  # fmt: skip
        return httpx.post(url, content=body, headers=headers, trust_env=False, timeout=10)

    def forget(self, channel: str, ts: str) -> None:
        """Delete a message with its thread, as a person might."""
        with self._lock:
            self._channels[channel_id(channel)].pop(ts)

    def _post(self, given: dict[str, Any]) -> server.Reply:
        channel = channel_id(str(given.get("channel", "")))
        if not given.get("text") and not given.get("blocks"):
            return _answer(ok=False, error="no_text")
        said: dict[str, Any] = {
            str(name): given[name] for name in ("text", "blocks", "metadata") if name in given
        }
        said |= {"type": "message", "ts": self._ts(), "edits": 0}
        posted = self._channels.setdefault(channel, {})
        if parent := given.get("thread_ts"):
            if parent not in posted:
                return _answer(ok=False, error="thread_not_found")
            posted[parent]["replies"].append(said | {"thread_ts": parent})
        else:
            posted[said["ts"]] = said | {"replies": []}
        return _answer(ok=True, channel=channel, ts=said["ts"], message=said)

    def _update(self, given: dict[str, Any]) -> server.Reply:
        # Like Slack's, chat.update wants the id of the channel; a name will not do.
        message = self._channels.get(str(given.get("channel")), {}).get(str(given.get("ts")))
        if message is None:
            return _answer(ok=False, error="message_not_found")
        message |= {name: given[name] for name in ("text", "blocks", "metadata") if name in given}
        message["edits"] += 1
        return _answer(ok=True, channel=given["channel"], ts=given["ts"], text=given.get("text"))

    def _history(self, given: dict[str, Any]) -> server.Reply:
        channel = str(given.get("channel", ""))
        if channel != channel_id(channel):
            return _answer(ok=False, error="channel_not_found")
        newest = list(reversed(self._channels.get(channel, {}).values()))
        return _answer(ok=True, messages=_page(newest, given), has_more=False)

    def _replies(self, given: dict[str, Any]) -> server.Reply:
        parent = self._channels.get(str(given.get("channel")), {}).get(str(given.get("ts")))
        if parent is None:
            return _answer(ok=False, error="thread_not_found")
        return _answer(ok=True, messages=_page([parent, *parent["replies"]], given))

    def _test(self, given: dict[str, Any]) -> server.Reply:
        return _answer(ok=True, team="Fake", user="tocsin", team_id="T0FAKE", bot_id="B0FAKE")

    def _ts(self) -> str:
        """Seconds and microseconds, never the same twice."""
        self._last = max(int(self._clock() * 1_000_000), self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"


_METHODS: dict[str, Callable[[Slack, dict[str, Any]], server.Reply]] = {
    "chat.postMessage": Slack._post,
    "chat.update": Slack._update,
    "conversations.history": Slack._history,
    "conversations.replies": Slack._replies,
    "auth.test": Slack._test,
}


def channel_id(name: str) -> str:
    """The id of a channel: every name has one, and an id is its own."""
    if name[:1] in ("C", "D", "G") and name.isalnum() and name.isupper():
        return name
    number = int.from_bytes(name.removeprefix("#").encode(), "big")
    letters = ""
    for _ in range(10):
        number, digit = divmod(number, len(_ID_LETTERS))
        letters += _ID_LETTERS[digit]
    return f"C{letters}"


def _page(messages: list[dict[str, Any]], given: dict[str, Any]) -> list[dict[str, Any]]:
    page = copy.deepcopy(messages[: int(given.get("limit") or 100)])
    for message in page:
        message.pop("replies", None)
        if str(given.get("include_all_metadata", "0")).lower() not in ("1", "true"):
            message.pop("metadata", None)
    return page


def _arguments(request: server.Request) -> dict[str, Any]:
    """Slack takes JSON as well as forms."""
    if "json" in request.headers.get("content-type", ""):
        try:
            given = json.loads(request.body)
        except ValueError:
            return {}
        return given if isinstance(given, dict) else {}
    return dict(parse.parse_qsl(request.body.decode("utf-8", "replace")))


def _answer(**fields: Any) -> server.Reply:
    return server.Reply(200, json.dumps(fields).encode())
