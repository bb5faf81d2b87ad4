"""A fake mail server with mailboxes that one can look into. Nothing it takes goes anywhere.

Faults are those of the script, for the provider ``smtp`` and a recipient as destination. One of the
kind ``status`` is played when the recipient is named (451 is greylisting, 550 an unknown mailbox),
or, with ``at="data"``, when the message is in, as all other kinds are.
"""

from __future__ import annotations

import asyncio
import email.policy
import socket
import ssl
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from email import message, parser
from typing import Any

from aiosmtpd import smtp

from tocsin.demo.fakes import certificates, faults, ledger

_NAME = "mail.fake.example"
_LIMIT = 1024 * 1024
#: Faults that leave the client without an answer; over SMTP they all look alike.
_SILENT = faults.KINDS - {"none", "status"}


@dataclass(frozen=True)
class Received:
    """A message that was taken, as it came over the wire, for all of ``to``."""

    sender: str
    to: tuple[str, ...]
    raw: bytes
    encrypted: bool

    def parsed(self) -> message.EmailMessage:
        return parser.BytesParser(_class=message.EmailMessage, policy=email.policy.SMTP).parsebytes(
            self.raw
        )


class Mail:
    """Listens on 127.0.0.1: ``port`` speaks STARTTLS, ``tls_port`` is TLS from the first byte.

    With ``users`` (name -> password) nothing is taken without a log-in. ``starttls`` False: a
    server that does not offer it. ``certificate`` is what a client must trust.
    """

    provider = "smtp"

    def __init__(
        self, script: faults.Script, book: ledger.Ledger, clock: Callable[[], float]
    ) -> None:
        self.users: dict[str, str] = {}
        self.starttls = True
        self.context, self.certificate = certificates.make()
        self.port = self.tls_port = 0
        self._script, self._ledger, self._clock = script, book, clock
        self._lock = threading.Lock()
        self._received: list[Received] = []
        self._servers: list[asyncio.Server] = []
        self._talking: set[smtp.SMTP] = set()

    def messages(self, address: str | None = None) -> list[Received]:
        """What lies in the mailbox of ``address``, or everything, oldest first."""
        with self._lock:
            return [each for each in self._received if address is None or address in each.to]

    async def start(self) -> None:
        """Listen on both ports."""
        loop = asyncio.get_running_loop()
        plain = await loop.create_server(lambda: self._talk(secure=False), "127.0.0.1", 0)
        secure = await loop.create_server(
            lambda: self._talk(secure=True), "127.0.0.1", 0, ssl=self.context
        )
        self._servers = [plain, secure]
        self.port, self.tls_port = (each.sockets[0].getsockname()[1] for each in self._servers)

    async def stop(self) -> None:
        """Close the doors and break off what is still open."""
        for server in self._servers:
            server.close()
        for talking in list(self._talking):
            if talking.transport:
                _transport(talking).abort()
        for _ in range(10):
            await asyncio.sleep(0)

    def _talk(self, *, secure: bool) -> smtp.SMTP:
        context = self.context if self.starttls and not secure else None
        talking = _Talk(
            _Hooks(self, secure), hostname=_NAME, ident="Fake", data_size_limit=_LIMIT,
            tls_context=context, authenticator=self._authenticate,
            auth_require_tls=not secure, loop=asyncio.get_running_loop(),
        )  # fmt: skip
        self._talking.add(talking)
        talking.ended = self._talking.discard
        return talking

    def _authenticate(
        self, server: smtp.SMTP, session: Any, envelope: Any, mechanism: str, data: Any
    ) -> smtp.AuthResult:
        name, password = data.login.decode(), data.password.decode()
        return smtp.AuthResult(success=self.users.get(name) == password, handled=False)

    def fault(self, to: str, at: str) -> faults.Fault:
        """What to play for this recipient at this step."""
        return self._script.next(self.provider, to, at)

    def take(self, mail: Received, fault: faults.Fault) -> None:
        """Into the mailboxes, if the fault lets it have an effect, and into the ledger."""
        effect = fault.kind in faults.ACTS
        with self._lock:
            if effect:
                self._received.append(mail)
        answered = {"none": 250, "status": fault.status}.get(fault.kind, 0)
        key = str(mail.parsed()["Message-ID"] or "").strip("<>").partition("@")[0]
        entry = ledger.Entry(
            t=self._clock(), provider=self.provider, path=mail.sender, key=key,
            dest=", ".join(mail.to), body=mail.raw.decode("ascii", "replace"), status=answered,
            effect=effect, fault=fault.kind, seen=self._ledger.count(self.provider, key),
        )  # fmt: skip
        self._ledger.add(entry)


class _Talk(smtp.SMTP):
    """A conversation that says when it is over."""

    ended: Callable[[smtp.SMTP], None]

    def connection_lost(self, error: Exception | None) -> None:
        super().connection_lost(error)
        self.ended(self)


class _Hooks:
    """What aiosmtpd asks at each step of one conversation."""

    def __init__(self, mail: Mail, secure: bool) -> None:
        self._mail, self._secure = mail, secure
        self._later = faults.Fault()

    async def handle_MAIL(
        self, server: smtp.SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        if self._mail.users and not session.authenticated:
            return "530 5.7.0 Authentication required"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: smtp.SMTP, session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        fault = self._mail.fault(address, "")
        if fault.kind == "status":
            await asyncio.sleep(fault.latency)
            return f"{fault.status} {fault.headers.get('text', 'as scripted')} <{address}>"
        if fault.kind != "none" or fault.latency:
            self._later = fault
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: smtp.SMTP, session: Any, envelope: Any) -> str:
        to = tuple(envelope.rcpt_tos)
        secure = self._secure or session.ssl is not None
        mail = Received(envelope.mail_from, to, envelope.original_content, secure)
        fault = self._mail.fault(to[0], "data")
        fault = self._later if fault.kind == "none" else fault
        await asyncio.sleep(fault.latency)
        self._mail.take(mail, fault)
        if fault.kind in ("hang", "hang_after"):
            await asyncio.Event().wait()
        if fault.kind in _SILENT:
            _reset(server)
        if fault.kind == "status":
            return f"{fault.status} {fault.headers.get('text', 'as scripted')}"
        return "250 2.0.0 OK: queued as FAKE1"


def _transport(server: smtp.SMTP) -> asyncio.Transport:
    transport = server.transport
    if not isinstance(transport, asyncio.Transport):
        raise TypeError("a conversation has no transport")
    return transport


def _reset(server: smtp.SMTP) -> None:
    """Break off without a word. SO_LINGER of no seconds: a reset, not a polite end."""
    transport = _transport(server)
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


def trust(mail: Mail) -> ssl.SSLContext:
    """The context of a client that trusts this server."""
    return certificates.trust(mail.certificate)
