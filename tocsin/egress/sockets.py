"""Connections that lead out for a tenant and are not HTTP, under the rules that HTTP is under.

The name is resolved once, every address of the answer is checked, and the connection goes to a
checked address; TLS asks for the certificate of the name. One limit of time holds for all that is
said over a connection, so that a peer that drips bytes cannot renew it.
"""

from __future__ import annotations

import contextlib
import functools
import io
import socket
import ssl
import time
from collections.abc import Iterator

import httpcore

from tocsin import errors
from tocsin.egress import addresses, guard

#: What a peer may say over one connection, in all.
SAID_BYTES = 256 * 1024


class Dialer:
    """Opens connections; make one for all threads of a process and keep it.

    ``allow`` are the networks that may be reached although they are private, then also without
    TLS and on any port.
    """

    def __init__(
        self,
        allow: addresses.Networks = (),
        *,
        resolve: guard.Resolve | None = None,
        context: ssl.SSLContext | None = None,
    ) -> None:
        self._allow = allow
        self._resolve = resolve or guard.ask_system
        self._context = context

    def connect(
        self, host: str, port: int, *, ports: frozenset[int], plain: bool, seconds: float
    ) -> Wire:
        """A connection to ``host``, still without TLS, that lives for ``seconds``.

        ``ports`` are those on which the protocol is spoken in public; ``plain`` says that TLS will
        not be asked for. Raises ``Permanent`` for what the rules refuse and ``Retryable`` for a
        host that cannot be reached.
        """
        until = time.monotonic() + seconds
        patience = min(seconds, guard.CONNECT_SECONDS)
        try:
            found = guard.look_up(self._resolve, host, port, patience)
        except httpcore.ConnectTimeout:
            raise _unreached(f"{host} did not answer in time.", "timeout") from None
        except httpcore.ConnectError:
            text = f"{host} could not be reached: its name could not be resolved."
            raise _unreached(text, "connectError") from None
        for address in found:
            self._check(address, host, port, ports, plain)
        reached = _first(found[: guard.TRIED], host, port, time.monotonic() + patience)
        return Wire(reached, host, until, self._trust)

    def _check(
        self, address: addresses.Address, host: str, port: int, ports: frozenset[int], plain: bool
    ) -> None:
        if addresses.is_allowed(address, host, self._allow):
            return
        if plain:
            raise addresses.refused(
                f"{host} may be reached with TLS only. Without it, only networks can be reached"
                " that the administrator names in TOCSIN_EGRESS_ALLOW."
            )
        if port not in ports:
            usual = ", ".join(map(str, sorted(ports)))
            raise addresses.refused(f"{host} may be reached on port {usual} only, not on {port}.")

    @functools.cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._context or guard.trusted()


class Wire:
    """One connection, plain or TLS; made for ``smtplib``, which asks it what it asks a socket."""

    def __init__(self, sock: socket.socket, host: str, until: float, trust: ssl.SSLContext) -> None:
        self._sock, self._host, self._until, self._trust = sock, host, until, trust
        self._room = SAID_BYTES

    @property
    def late(self) -> bool:
        """Whether the time for the whole connection is over."""
        return time.monotonic() >= self._until

    def start_tls(self) -> None:
        """From here on encrypted, with a certificate for the name that was dialled."""
        try:
            with self._patience():
                self._sock = self._trust.wrap_socket(self._sock, server_hostname=self._host)
        except ssl.SSLCertVerificationError:
            text = f"{self._host} could not be reached: its certificate is not trusted."
            raise _unreached(text, "connectError") from None
        except TimeoutError:
            raise _unreached(f"{self._host} did not answer in time.", "timeout") from None
        except OSError:
            text = f"{self._host} could not be reached: TLS could not be set up."
            raise _unreached(text, "connectError") from None

    def sendall(self, data: bytes) -> None:
        """Send all of it or raise OSError."""
        with self._patience():
            self._sock.sendall(data)

    def receive_into(self, buffer: memoryview) -> int:
        """What has come, at least a byte; 0 at the end. OSError where it is too much."""
        if self._room <= 0:
            raise OSError("the peer says too much")
        with self._patience():
            count = self._sock.recv_into(buffer)
        self._room -= count
        return count

    def makefile(self, mode: str = "rb") -> io.BufferedReader:
        """For reading lines."""
        return io.BufferedReader(_Reading(self))

    def close(self) -> None:
        """Hang up; what goes wrong at that does not matter any more."""
        with contextlib.suppress(OSError):
            self._sock.close()

    @contextlib.contextmanager
    def _patience(self) -> Iterator[None]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the whole connection is over")
        self._sock.settimeout(left)
        yield


class _Reading(io.RawIOBase):
    """The receiving half of a wire. Closing it leaves the wire open."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._wire.receive_into(buffer)


def _first(found: list[addresses.Address], host: str, port: int, until: float) -> socket.socket:
    """A connection to the first of these addresses that answers."""
    late = False
    for count, address in enumerate(found):
        # An address that swallows packets may use up its share of the time, not all of it.
        share = (until - time.monotonic()) / (len(found) - count)
        try:
            return socket.create_connection((str(address), port), timeout=max(share, 0.05))
        except TimeoutError:
            late = True
        except OSError:
            late = False
    if late:
        raise _unreached(f"{host} did not answer in time.", "timeout")
    raise _unreached(f"{host} could not be reached: nothing answers there.", "connectError")


def _unreached(text: str, reason: str) -> errors.Retryable:
    return errors.Retryable(text, reason=reason)
