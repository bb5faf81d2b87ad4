"""A tenant of a running installation to whom something hostile happens, and what came of it."""

from __future__ import annotations

import io
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import httpx
import psutil

from tests.e2e.conftest import Stack, Tenant, eventually
from tests.hostile import words

#: All channels at once, so that what an alert says is written in every form.
POLICY = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 0s
  group_interval: 1s
receivers:
  - name: ops
    webhook: [{url: "{hook}"}]
    slack: [{channel: "{room}", token_file: slack, api_url: "{slack}",
             signing_secret_file: slack-signing}]
    email: [{host: 127.0.0.1, port: {mail}, tls: none, from: t@example.org, to: [{address}],
             attach: [csv, json]}]
    sms: [{account_sid: "{account}", token_file: twilio, from: "+15005550006", to: "{phone}",
           api_url: "{twilio}"}]
"""
#: Work of one request, and what may stay of it.
CPU_SECONDS, RSS_BYTES = 1.0, 50 * 1024 * 1024
#: After so many seconds nothing more is expected on a line.
MOMENT = 0.3


class Log(io.StringIO):
    """What the processes say, kept."""

    def lines(self) -> list[str]:
        return self.getvalue().splitlines()


@dataclass
class Scene:
    """One tenant, the server that it talks to, and what it was answered."""

    stack: Stack
    tenant: Tenant
    other: Tenant
    log: Log
    phone: str
    answers: list[httpx.Response] = field(default_factory=list)

    @property
    def server(self) -> psutil.Process:
        [web] = self.stack.children("web")
        return psutil.Process(web.process.pid)

    @property
    def host(self) -> str:
        return self.stack.url.removeprefix("http://")

    def send(self, case: words.Case) -> httpx.Response:
        """Play one request; the server may work on it for so long and no longer."""
        headers = {"Authorization": f"Bearer {self.tenant.token}", **case.headers}
        with self.at_work():
            # Built by hand: the client would set right what is wrong on purpose.
            request = self.stack.client.build_request(
                case.method, case.path, content=case.body or None, headers=headers
            )
            answer = self.stack.client.send(request)
        self.answers.append(answer)
        return answer

    def speak(self, case: words.Raw) -> bytes:
        """Play raw bytes; returns all that is answered."""
        sent = case.sent.replace(b"{bearer}", f"Bearer {self.tenant.token}".encode())
        with self.at_work():
            return spoken(self.host, sent, case.half)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Its own time, not that of the clock on the wall: the machine may be busy with others."""
        before = self.server.cpu_times()
        yield
        after = self.server.cpu_times()
        worked = after.user + after.system - before.user - before.system
        assert worked < CPU_SECONDS, f"the server worked {worked:.2f} s on one request"

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """What it needed it gives back."""
        before = self.server.memory_info().rss
        yield
        eventually(lambda: self.server.memory_info().rss - before < RSS_BYTES)

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.tenant.stack.client.get(
            path, headers={"Authorization": f"Bearer {self.tenant.token}", **headers}
        )

    def told(self) -> dict[str, str]:
        """What each channel sent, as its reader sees it; every one of them did."""
        letters = self.letters()
        texts = [each["body"] for each in self.stack.providers.twilio.messages(self.phone)]
        said = {
            "webhook": json.dumps(self.tenant.hooks(), ensure_ascii=False),
            "slack": json.dumps(self.tenant.slack(), ensure_ascii=False),
            "email": "\n".join(str(part.get_content()) for each in letters
                               for part in each.walk() if part.get_content_maintype() == "text"),
            "sms": "\n".join(texts),
        }  # fmt: skip
        assert all(len(each) > 2 for each in said.values()), said
        return said

    def letters(self) -> list[EmailMessage]:
        found = self.stack.providers.mail.messages(f"{self.tenant.slug}@example.org")
        return [each.parsed() for each in found]

    def page(self, path: str) -> str:
        """A page of the dashboard, as somebody who is signed in sees it."""
        with httpx.Client(base_url=self.stack.url, trust_env=False, timeout=30) as browser:
            entered = browser.post("/ui/login", data={"token": self.tenant.token})
            assert entered.status_code == 303
            shown = browser.get(path)
            assert shown.status_code == 200, shown.text
            return shown.text

    def incident(self) -> dict[str, Any]:
        [found] = self.tenant.get("/incidents")["items"]
        return dict(self.tenant.get(f"/incidents/{found['id']}"))

    def alerts(self) -> list[dict[str, Any]]:
        return list(self.tenant.get("/alerts", limit=200)["items"])


def spoken(host: str, request: bytes, half: bool) -> bytes:
    """All that is answered to raw bytes, until the server hangs up or has no more to say."""
    name, _, port = host.rpartition(":")
    with socket.create_connection((name, int(port)), timeout=20) as line:
        try:
            line.sendall(request)
            return b"".join(_heard(line, half))
        except (BrokenPipeError, ConnectionResetError):
            return b""


def _heard(line: socket.socket, half: bool) -> Iterator[bytes]:
    """What comes. Half a request is ended after a moment, for the server waits for the rest.

    Not ended at once: the server takes that for a sender who has gone, and may not answer at all.
    """
    line.settimeout(MOMENT if half else 20)
    while True:
        try:
            piece = line.recv(65536)
        except TimeoutError:
            if not half:
                return  # it has said all that it had to say
            half = False
            line.settimeout(20)
            line.shutdown(socket.SHUT_WR)
            continue
        if not piece:
            return
        yield piece
        line.settimeout(MOMENT)
