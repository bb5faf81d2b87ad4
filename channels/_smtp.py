"""One conversation with a mail server, and what each of its answers means.

``smtplib`` speaks; the connection is one of ours, to a checked address and with one limit of time.
The words of a server are never repeated, because they may hold addresses and secrets; only its
codes are.
"""

from __future__ import annotations

import contextlib
import re
import smtplib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from tocsin import errors
from tocsin.egress import sockets

Tls = Literal["starttls", "tls", "none"]
#: Where mail servers listen in public: relay, submission with TLS, submission, and its stand-in.
PORTS = frozenset({25, 465, 587, 2525})

_STATUS = re.compile(rb"\b([245]\.\d{1,3}\.\d{1,3})\b")
_DOT = re.compile(rb"^\.", re.MULTILINE)
_SLOWER = ("4.7", "4.3.2", "4.4.5")

#: What to do, by the step of the conversation that was refused for good.
_CURES = {
    "connecting": "It takes no mail from this machine. Ask its administrator, or name a relay that"
    " you have a log-in for.",
    "EHLO": "It does not talk to us. Check host and port.",
    "STARTTLS": "It does not encrypt. Check host and port, or use `tls: tls` with port 465.",
    "AUTH": "It does not accept the log-in. Check username and password; many providers want a"
    " password made for this one use.",
    "MAIL": "It does not accept the sender. `from` must be an address that this log-in may send"
    " as.",
    "RCPT": "It does not accept any address of `to`. Check them one by one.",
    "DATA": "It does not take the message. Check SPF, DKIM and DMARC of the sender's domain, and"
    " attach less if it is too large.",
}
_CODES = {
    530: "It wants a log-in, or encryption: give username and password_file, and `tls`.",
    534: "It wants another kind of log-in than username and password.",
    538: "It wants encryption for the log-in: use `tls: starttls` or `tls: tls`.",
    552: "The message, or what the mailbox holds, is too large. Attach less.",
}
_AUTH = frozenset({530, 534, 535, 538})


@dataclass(frozen=True)
class Server:
    """A mail server and how to speak to it. ``hello`` is the name that we give ourselves."""

    host: str
    port: int
    tls: Tls
    hello: str
    seconds: float
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Refused:
    """An address that the server did not take: its place in the list, from 1, and the answer."""

    place: int
    code: int
    status: str

    def __str__(self) -> str:
        return f"{self.code} {self.status}".strip()


def send(
    server: Server,
    dial: sockets.Dialer,
    sender: str,
    to: tuple[str, ...],
    content: Callable[[tuple[Refused, ...]], bytes],
) -> tuple[Refused, ...]:
    """Hand one message over for all of ``to``; returns those whom the server did not take.

    ``content`` is asked for the message once it is known who is not taken. Raises ``Retryable``
    and ``Permanent``, also where nobody is taken.
    """
    wire = dial.connect(
        server.host, server.port, ports=PORTS, plain=server.tls == "none", seconds=server.seconds
    )
    talk = _Talk(wire, server.hello)
    try:
        with _not_begun(server, wire):
            _open(talk, server)
            refused = _address(talk, server, sender, to)
            raw = content(refused)
            _expect(server, "DATA", talk.docmd("DATA"), 354)
        _hand_over(talk, server, raw)
        with contextlib.suppress(smtplib.SMTPException, OSError):
            # Its answer changes nothing, and some servers take their time over it.
            talk.putcmd("QUIT")
        return refused
    finally:
        talk.close()
        wire.close()


class _Talk(smtplib.SMTP):
    """smtplib without its own network."""

    def __init__(self, wire: sockets.Wire, hello: str) -> None:
        super().__init__(local_hostname=hello)
        self.wire = wire
        self.sock = wire  # type: ignore[assignment]

    def encrypt(self) -> None:
        """TLS; what was said before it, also what lies in the buffer, counts no more."""
        self.wire.start_tls()
        self.file = None
        self.helo_resp = self.ehlo_resp = None
        self.esmtp_features = {}
        self.does_esmtp = False


def _open(talk: _Talk, server: Server) -> None:
    if server.tls == "tls":
        talk.encrypt()
    _expect(server, "connecting", talk.getreply(), 220)
    _greet(talk, server)
    if server.tls == "starttls":
        if not talk.has_extn("starttls"):
            raise errors.Permanent(
                f"{server.host} offers no STARTTLS on port {server.port}, and nothing is sent to it"
                " unencrypted. Check host and port, or use `tls: tls` with port 465.",
                reason="configError",
            )
        _expect(server, "STARTTLS", talk.docmd("STARTTLS"), 220)
        talk.encrypt()
        _greet(talk, server)
    if server.username and server.password:
        _log_in(talk, server, server.username, server.password)


def _greet(talk: _Talk, server: Server) -> None:
    reply = talk.ehlo()
    if 500 <= reply[0] < 600:
        reply = talk.helo()
    _expect(server, "EHLO", reply, 250)


def _log_in(talk: _Talk, server: Server, username: str, password: str) -> None:
    try:
        talk.login(username, password)
    except smtplib.SMTPAuthenticationError as refused:
        raise _meaning(server, "AUTH", refused.smtp_code, _bytes(refused.smtp_error)) from None
    except smtplib.SMTPServerDisconnected:
        raise
    except smtplib.SMTPException:
        raise errors.Permanent(
            f"{server.host} offers no log-in with username and password. Check host, port and"
            " `tls`, or leave username and password out.",
            reason="configError",
        ) from None


def _address(talk: _Talk, server: Server, sender: str, to: tuple[str, ...]) -> tuple[Refused, ...]:
    """Sender and recipients; those whom the server does not take, unless that is everybody."""
    _expect(server, "MAIL", talk.mail(sender), 250)
    refused, problems = [], []
    for place, address in enumerate(to, 1):
        code, words = talk.rcpt(address)
        if code in (250, 251):
            continue
        problem = _meaning(server, "RCPT", code, words)
        if code == 421:
            raise problem
        refused.append(Refused(place, code, _status(words)))
        problems.append(problem)
    if len(refused) == len(to):
        # Where one may be taken later, all may wait for that: nobody has the message yet.
        raise next((each for each in problems if isinstance(each, errors.Retryable)), problems[0])
    return tuple(refused)


def _hand_over(talk: _Talk, server: Server, raw: bytes) -> None:
    """The message itself. From its first byte on, silence does not mean that it did not arrive."""
    try:
        talk.send(_DOT.sub(b"..", raw) + b".\r\n")
        code, words = talk.getreply()
    except (smtplib.SMTPException, OSError):
        late = talk.wire.late
        what = "did not answer in time" if late else "broke off"
        raise errors.Retryable(
            f"{server.host} {what} after the message was sent; it may have arrived.",
            reason="timeout" if late else "connectError",
            in_doubt=True,
        ) from None
    if code == -1:
        raise errors.Retryable(
            f"{server.host} took the message but its answer cannot be read; it may have arrived.",
            reason="serverError",
            in_doubt=True,
        )
    _expect(server, "DATA", (code, words), 250)


@contextlib.contextmanager
def _not_begun(server: Server, wire: sockets.Wire) -> Iterator[None]:
    """A connection that ends before the message was sent: surely nothing has arrived."""
    try:
        yield
    except (smtplib.SMTPException, OSError):
        if wire.late:
            text = f"{server.host} did not answer in time."
            raise errors.Retryable(text, reason="timeout") from None
        text = f"{server.host} broke off before the message was sent."
        raise errors.Retryable(text, reason="connectError") from None


def _expect(server: Server, step: str, reply: tuple[int, bytes], wanted: int) -> None:
    if reply[0] != wanted:
        raise _meaning(server, step, *reply)


def _meaning(server: Server, step: str, code: int, words: bytes) -> errors.TocsinError:
    """What it means that the server answered with this code at this step."""
    status = _status(words)
    told = f"{server.host} answered {code} {status}".rstrip() + f" to {step}."
    if code == -1:
        told = f"{server.host} does not speak SMTP. Check host, port and `tls`."
        return errors.Permanent(told, reason="configError")
    if not 500 <= code < 600:
        slower = code == 421 or status.startswith(_SLOWER)
        reason = "rateLimited" if slower else "serverError"
        return errors.Retryable(told, reason=reason, status_code=code)
    cure = _CODES.get(code) or _CURES[step]
    reason = "authError" if step == "AUTH" or code in _AUTH else "clientError"
    return errors.Permanent(f"{told} {cure}", reason=reason, status_code=code)


def _status(words: bytes) -> str:
    """The enhanced code (RFC 3463) in an answer, the only words of it that are safe to repeat."""
    found = _STATUS.search(words)
    return found[1].decode() if found else ""


def _bytes(words: bytes | str) -> bytes:
    return words.encode("utf-8", "replace") if isinstance(words, str) else words
