"""Fake providers: they act like the real ones, misbehave on demand, and keep a ledger.

In a test::

    with fakes.serve() as providers:
        providers.script.add(faults.Fault("status", status=500, times=2), dest="/hook/ops")
        ...
        assert providers.slack.messages("#ops") == []

As a process: ``python -m tocsin.demo.fakes --port 8431 --ledger calls.jsonl``.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib import parse

from tocsin.demo.fakes import faults, ledger, server, slack, webhook

_MANNERS: dict[faults.Kind, server.Manner] = {
    "hang": "hang",
    "hang_after": "hang",
    "cut_before": "cut",
    "cut_after": "cut",
    "huge": "huge",
    "drip": "drip",
    "short": "short",
}


class Fakes:
    """All fake providers behind one port.

    ``clock`` gives Unix time; with time travel, hand in the clock of the record, or else the
    receivers of signed webhooks refuse what seems old to them.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        ledger_file: Path | None = None,
        fsync: bool = False,
        clock: Callable[[], float] = time.time,
        tokens: tuple[str, ...] = ("xoxb-fake",),
        secrets: dict[str, str] | None = None,
    ) -> None:
        self._offset = 0.0
        self._clock = clock
        self.ledger = ledger.Ledger(ledger_file, fsync=fsync)
        self.script = faults.Script()
        self.slack = slack.Slack(self._now, tokens)
        self.webhooks = webhook.Webhooks(self._now, secrets)
        self.server = server.Server(self._answer, port)

    @property
    def url(self) -> str:
        """Where they listen: http://127.0.0.1:<port>."""
        return self.server.url

    @property
    def slack_api(self) -> str:
        """The ``api_url`` of a Slack channel that shall talk to this fake."""
        return f"{self.url}/api/"

    def hook(self, name: str) -> str:
        """The ``url`` of a webhook; ``/hook/<name>`` is its destination here."""
        return f"{self.url}/hook/{name}"

    def _now(self) -> float:
        return self._clock() + self._offset

    async def _answer(self, request: server.Request) -> server.Reply:
        provider: slack.Slack | webhook.Webhooks
        if self.slack.owns(request.path):
            provider = self.slack
        elif self.webhooks.owns(request.path):
            provider = self.webhooks
        else:
            return self._control(request)
        dest, key = provider.address(request)
        fault = self.script.next(provider.provider, dest)
        if fault.latency:
            await asyncio.sleep(fault.latency)
        acts = fault.kind in faults.ACTS
        refused = provider.refuse(request) if acts else None
        reply = refused or (provider.act(request) if acts else server.Reply())
        effect = acts and refused is None and _said_yes(reply)
        if refused is None:
            reply = _spoilt(reply, fault)
        self._note(request, provider.provider, (dest, key), reply, effect, fault)
        return reply

    def _note(
        self,
        request: server.Request,
        provider: str,
        address: tuple[str, str],
        reply: server.Reply,
        effect: bool,
        fault: faults.Fault,
    ) -> None:
        silent = reply.manner in ("hang", "cut")
        dest, key = address
        self.ledger.add(
            ledger.Entry(
                t=self._now(),
                provider=provider,
                path=request.path,
                key=key,
                dest=dest,
                body=_readable(request.body),
                status=0 if silent else reply.status,
                effect=effect,
                fault=fault.kind,
                seen=self.ledger.count(provider, key),
            )
        )

    def _control(self, request: server.Request) -> server.Reply:
        """The remote control, for tests that run the fakes in another process."""
        query = dict(parse.parse_qsl(request.query))
        try:
            if request.path == "/_control" and request.method == "POST":
                self._command(json.loads(request.body))
                return _json({"ok": True})
            if request.path == "/_ledger":
                return _json([asdict(entry) for entry in self.ledger.calls(**query)])
            if request.path == "/_slack":
                return _json(self.slack.messages(query["channel"]))
            if request.path == "/_webhook":
                return _json(self.webhooks.visible(query["path"]))
        except (ValueError, TypeError, KeyError) as problem:
            return _json({"ok": False, "error": str(problem)}, 400)
        return _json({"ok": False, "error": "nothing here"}, 404)

    def _command(self, given: dict[str, Any]) -> None:
        if "clear" in given:
            self.script.clear(given["clear"])
        if "fault" in given:
            fault = faults.Fault(**given["fault"])
            where = {name: given[name] for name in ("provider", "dest") if name in given}
            self.script.add(fault, **where)
        if "secrets" in given:
            self.webhooks.secrets = dict(given["secrets"])
        if "tokens" in given:
            self.slack.tokens = set(given["tokens"])
        if "clock_offset" in given:
            self._offset = float(given["clock_offset"])


@contextlib.contextmanager
def serve(**options: Any) -> Iterator[Fakes]:
    """Run the fakes in a thread of this process; ``options`` are those of ``Fakes``."""
    fakes = Fakes(**options)
    try:
        with server.running(fakes.server):
            yield fakes
    finally:
        fakes.ledger.close()


def _said_yes(reply: server.Reply) -> bool:
    return reply.status == 200 and not reply.body.startswith(b'{"ok": false')


def _spoilt(reply: server.Reply, fault: faults.Fault) -> server.Reply:
    if fault.kind == "status":
        return server.Reply(fault.status, b'{"error":"as scripted"}', fault.headers)
    if fault.kind == "error":
        return _json({"ok": False, "error": fault.error})
    if fault.kind == "redirect":
        location = {"location": "http://169.254.169.254/latest/meta-data/"} | fault.headers
        return server.Reply(302, b"", location)
    if fault.kind == "bad_json":
        return server.Reply(200, b'{"ok": tru')
    manner = _MANNERS.get(fault.kind, "plain")
    return server.Reply(reply.status, reply.body, reply.headers, manner)


def _json(value: object, status: int = 200) -> server.Reply:
    return server.Reply(status, json.dumps(value).encode())


def _readable(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")
