"""Carries out a script against a running installation, and notes what the senders were told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx

from tocsin.demo import script
from tocsin.demo.fakes import faults
from tocsin.demo.stage import PHONE, Stage

_SENDERS = 8
#: How long somebody looks for the incident that they want to take. Seconds.
_LOOKING = 8.0


@dataclass(frozen=True, slots=True)
class Urgent:
    """An alert that had to reach a pager: whose it was, when it was posted (Unix time), in what."""

    tenant: str
    labels: script.Labels
    posted: float
    phase: str


@dataclass
class Player:
    """Plays scripts. ``accepted`` counts the alerts of requests that were answered with 2xx."""

    stage: Stage
    say: Callable[[str], None]
    stop: threading.Event = field(default_factory=threading.Event)
    accepted: int = 0
    refused: int = 0
    urgent: list[Urgent] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def play(self, phase: str, moves: Iterable[script.Move]) -> None:
        """Do all of it at its time; returns when the last answer is there, or soon after `stop`."""
        began = time.monotonic()
        with ThreadPoolExecutor(_SENDERS, "sender") as senders:
            try:
                for move in moves:
                    if self.stop.wait(max(0.0, began + move.at - time.monotonic())):
                        break
                    if move.say:
                        self.say(move.say)
                    senders.submit(self._do, phase, move)
            except BaseException:  # re-raised; the senders must not go on for those that wait
                self.stop.set()
                raise

    def _do(self, phase: str, move: script.Move) -> None:
        if self.stop.is_set():
            return
        try:
            if isinstance(move, script.Post):
                self._post(phase, move)
            else:
                getattr(self, f"_{move.do}")(move.what)
        except httpx.HTTPError as error:
            if not self.stop.is_set():
                self.say(f"No answer: {type(error).__name__} ({move.say or 'a post'})")

    def _post(self, phase: str, post: script.Post) -> None:
        posted = time.time()
        reply = self.stage.tenants[post.tenant].client.post(post.path, json=post.body)
        with self._lock:
            if not reply.is_success:
                self.refused += post.alerts
                return
            self.accepted += post.alerts
            self.urgent += [Urgent(post.tenant, each, posted, phase) for each in post.urgent]

    def _silence(self, what: Any) -> None:
        self._client.post("/api/v1/silences", json=dict(what)).raise_for_status()

    def _acknowledge(self, what: Any) -> None:
        """Wait for the text about it, as a person would, and text a 1 back."""
        phone = self.stage.providers.twilio
        url = f"{self.stage.url}/t/shop/callbacks/sms/reply"
        deadline = time.monotonic() + _LOOKING
        while time.monotonic() < deadline and not self.stop.is_set():
            texts = phone.messages(PHONE)
            if texts and what["title"] in texts[-1]["body"]:
                self.say(f"  text back: {phone.text(url, PHONE, '1')}")
                return
            self.stop.wait(0.1)
        self.say(f"No text came about {what['title']}")

    def _break(self, what: Any) -> None:
        fault = faults.Fault("status", status=500)
        self.stage.providers.script.add(fault, provider="slack", dest=what["channel"])

    def _heal(self, what: Any) -> None:
        self.stage.providers.script.clear(what["channel"])

    def _lose_reply(self, what: Any) -> None:
        fault = faults.Fault("cut_after", times=1)
        dest = self.stage.hook("shop", what["dest"])
        self.stage.providers.script.add(fault, provider="webhook", dest=dest)

    @property
    def _client(self) -> httpx.Client:
        return self.stage.tenants["shop"].client
