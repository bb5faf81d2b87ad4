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

from tocsin.demo.fakes import faults, ledger, sendgrid, server, slack, smtp, twilio, webhook

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
    """All fake providers behind one port, but for the mail server, which has its own.

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
        sendgrid_keys: tuple[str, ...] = ("SG.fake",),
        secrets: dict[str, str] | None = None,
    ) -> None:
        self._offset = 0.0
        self._clock = clock
        self.ledger = ledger.Ledger(ledger_file, fsync=fsync)
        self.script = faults.Script()
        self.slack = slack.Slack(self._now, tokens)
        self.twilio = twilio.Twilio(self._now)
        self.webhooks = webhook.Webhooks(self._now, secrets)
        self.sendgrid = sendgrid.SendGrid(self._now, sendgrid_keys)
        self.mail = smtp.Mail(self.script, self.ledger, self._now)
        self.server = server.Server(self._answer, port)

    @property
    def url(self) -> str:
        """Where they listen: http://127.0.0.1:<port>."""
        return self.server.url

    @property
    def slack_api(self) -> str:
        """The ``api_url`` of a Slack channel that shall talk to this fake."""
        return f"{self.url}/api/"

    @property
    def twilio_api(self) -> str:
        """The ``api_url`` of an SMS channel that shall talk to this fake."""
        return f"{self.url}/twilio"

    def hook(self, name: str) -> str:
        """The ``url`` of a webhook; ``/hook/<name>`` is its destination here."""
        return f"{self.url}/hook/{name}"

    async def start(self) -> None:
        """Listen."""
        await self.mail.start()
        await self.server.start()

    async def stop(self) -> None:
        """Close the doors, and the ledger after them."""
        await self.server.stop()
        await self.mail.stop()
        self.ledger.close()

    def _now(self) -> float:
        return self._clock() + self._offset

    async def _answer(self, request: server.Request) -> server.Reply:
        providers = (self.slack, self.twilio, self.webhooks, self.sendgrid)
        provider = next((each for each in providers if each.owns(request.path)), None)
        if provider is None:
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
            if view := self._views(query).get(request.path):
                return _json(view())
        except (ValueError, TypeError, KeyError) as problem:
            return _json({"ok": False, "error": str(problem)}, 400)
        return _json({"ok": False, "error": "nothing here"}, 404)

    def _views(self, query: dict[str, str]) -> dict[str, Callable[[], Any]]:
        """What can be looked at from another process, by path."""
        address = query.get("address")
        return {
            "/_ledger": lambda: [asdict(entry) for entry in self.ledger.calls(**query)],
            "/_slack": lambda: self.slack.messages(query["channel"]),
            "/_sms": lambda: self.twilio.messages(query["to"]),
            "/_webhook": lambda: self.webhooks.visible(query["path"]),
            "/_sendgrid": lambda: self.sendgrid.messages(address),
            "/_mail": lambda: [
                each.raw.decode("ascii", "replace") for each in self.mail.messages(address)
            ],
        }

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
    with server.running(Fakes(**options)) as fakes:
        yield fakes


def _said_yes(reply: server.Reply) -> bool:
    return 200 <= reply.status < 300 and not reply.body.startswith(b'{"ok": false')


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
