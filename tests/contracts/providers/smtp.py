"""A provider that is spoken to in SMTP, with STARTTLS and a log-in; any step can go wrong."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from email import message, parser, policy
from typing import Any

from tests.contracts import providers
from tocsin import errors
from tocsin.demo.fakes import certificates, server

_LATER, _NEVER = errors.Retryable, errors.Permanent
_USUAL = {
    "connecting": "220 scripted",
    "EHLO": "250 AUTH PLAIN",
    "STARTTLS": "220 go on",
    "AUTH": "235 2.7.0 yes",
    "MAIL": "250 2.1.0 yes",
    "RCPT": "250 2.1.5 yes",
    "DATA": "354 go on",
    ".": "250 2.0.0 yes",
    "QUIT": "221 2.0.0 bye",
}


def _outcome(
    step: str, reply: str, kind: type[errors.Retryable] | type[errors.Permanent], reason: str
) -> providers.Outcome:
    said = f"{reply} canary-in-reply <ops@example.org>"
    asked = 1 if step == "." else 0
    return providers.Outcome(
        f"{step}-{reply}", {step: said}, kind, reason, int(reply[:3]), asked=asked
    )


OUTCOMES = [
    _outcome("connecting", "421 4.3.2", _LATER, "rateLimited"),
    _outcome("connecting", "450", _LATER, "serverError"),
    _outcome("connecting", "554 5.7.1", _NEVER, "clientError"),
    _outcome("STARTTLS", "454 4.7.0", _LATER, "rateLimited"),
    _outcome("STARTTLS", "501", _NEVER, "clientError"),
    _outcome("AUTH", "454 4.3.0", _LATER, "serverError"),
    _outcome("AUTH", "535 5.7.8", _NEVER, "authError"),
    _outcome("AUTH", "534 5.7.9", _NEVER, "authError"),
    _outcome("MAIL", "421", _LATER, "rateLimited"),
    _outcome("MAIL", "451 4.3.0", _LATER, "serverError"),
    _outcome("MAIL", "530 5.7.0", _NEVER, "authError"),
    _outcome("MAIL", "550 5.7.1", _NEVER, "clientError"),
    _outcome("RCPT", "421 4.4.5", _LATER, "rateLimited"),
    _outcome("RCPT", "450 4.2.0", _LATER, "serverError"),
    _outcome("RCPT", "451 4.7.1", _LATER, "rateLimited"),
    _outcome("RCPT", "452 4.2.2", _LATER, "serverError"),
    _outcome("RCPT", "550 5.1.1", _NEVER, "clientError"),
    _outcome("RCPT", "552 5.2.2", _NEVER, "clientError"),
    _outcome("DATA", "451 4.3.0", _LATER, "serverError"),
    _outcome("DATA", "554 5.5.1", _NEVER, "clientError"),
    _outcome(".", "451 4.3.0", _LATER, "serverError"),
    _outcome(".", "552 5.3.4", _NEVER, "clientError"),
    _outcome(".", "554 5.7.1", _NEVER, "clientError"),
]


@dataclass(frozen=True)
class Asked:
    """A message with its envelope; its text is that of all its parts, decoded."""

    target: str
    raw: bytes

    def _parsed(self) -> message.EmailMessage:
        found = parser.BytesParser(_class=message.EmailMessage, policy=policy.SMTP)
        return found.parsebytes(self.raw)

    @property
    def headers(self) -> dict[str, str]:
        return {name.lower(): str(value) for name, value in self._parsed().items()}

    @property
    def text(self) -> str:
        parsed = self._parsed()
        assert not parsed.defects
        parts = [part for part in parsed.walk() if part.get_content_maintype() == "text"]
        return "\n".join([str(parsed["Subject"]), *(part.get_content() for part in parts)])


class Provider:
    """Plays one script for every connection."""

    trouble: Any = {"MAIL": "451 4.3.0 canary"}  # noqa: RUF012

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.port = 0
        self._context, pem = certificates.make()
        self.trust = certificates.trust(pem)
        self._script = dict(_USUAL)
        self._manner: server.Manner = "plain"
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._server: asyncio.Server | None = None

    @property
    def places(self) -> dict[str, str]:
        return {"port": str(self.port)}

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._met, "127.0.0.1", 0, limit=1 << 24)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server:
            self._server.close()
        for task, writer in list(self._open.items()):
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)
        for _ in range(10):
            await asyncio.sleep(0)

    def forget(self) -> None:
        self.requests.clear()
        self._script, self._manner = dict(_USUAL), "plain"

    def accept(self, accepted: Any) -> None:
        self._script = dict(_USUAL)

    def answer(self, reply: dict[str, str]) -> None:
        self._script = _USUAL | reply

    def misbehave(self, manner: server.Manner) -> None:
        self._manner = manner

    def _met(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open[task] = writer
        task.add_done_callback(lambda done: self._open.pop(done, None))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
            self._say(writer, "connecting")
            while line := await reader.readline():
                verb, _, rest = line.decode("ascii").strip().partition(" ")
                await self._step(verb.upper(), rest, reader, writer)
        writer.close()

    async def _step(
        self, verb: str, rest: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if verb == "EHLO":
            plain = writer.get_extra_info("sslcontext") is None
            writer.write(b"250-scripted\r\n" + b"250-STARTTLS\r\n" * plain)
        self._say(writer, verb)
        said_yes = self._script[verb] == _USUAL[verb]
        if verb == "STARTTLS" and said_yes:
            await writer.drain()
            await writer.start_tls(self._context)
        elif verb == "DATA" and said_yes:
            raw = await reader.readuntil(b"\r\n.\r\n")
            self.requests.append(Asked("message", raw[:-3].replace(b"\r\n..", b"\r\n.")))
            await self._finish(reader, writer)

    async def _finish(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._manner == "plain":
            self._say(writer, ".")
        elif self._manner == "hang":
            await asyncio.Event().wait()
        elif self._manner == "drip":
            for byte in b"250-" + b"x" * 10_000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.05)
        elif self._manner == "huge":
            # Over TLS a writer does not always notice by itself that nobody listens any more, so
            # it comes to an end: else it would keep this loop from answering anybody else.
            for _ in range(100):
                if writer.transport.is_closing() or reader.at_eof():
                    break
                writer.write(b"250-padding\r\n" * 4096)
                await writer.drain()
                await asyncio.sleep(0)
            writer.transport.abort()
        else:
            writer.write(b"250-almost" if self._manner == "short" else b"")
            writer.transport.abort()

    def _say(self, writer: asyncio.StreamWriter, step: str) -> None:
        writer.write(self._script[step].encode() + b"\r\n")
