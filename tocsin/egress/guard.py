"""The only way out for tenants: a client that cannot be talked into reaching a private network.

A tenant chooses the addresses that Tocsin posts to. A name is resolved once, every address of the
answer is checked, and the connection goes to a checked address, so a second answer of the name
server changes nothing; TLS still asks for the certificate of the name.
"""

from __future__ import annotations

import http.cookiejar
import ipaddress
import logging
import queue
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import certifi
import httpcore
import httpx

from tocsin.egress import addresses

#: All addresses of a host name, as text; raises OSError.
Resolve = Callable[[str, int], list[str]]

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
#: How many addresses of one host are tried.
TRIED = 4
REPLY_BYTES = 64 * 1024
#: No request may ask for more (``extensions={"reply_bytes": n}``; "total_seconds": for less time).
REPLY_BYTES_MOST = 1024 * 1024

_WRITE_BYTES = 64 * 1024
#: Look-ups that may wait at one time; a name server that hangs must not eat all threads.
_LOOKUPS = threading.BoundedSemaphore(64)


def client(
    allow: addresses.Networks = (),
    *,
    connect: float = CONNECT_SECONDS,
    total: float = TOTAL_SECONDS,
    resolve: Resolve | None = None,
    context: ssl.SSLContext | None = None,
) -> httpx.Client:
    """A client for all threads of a process; make one and keep it.

    ``allow`` are the networks that may be reached although they are private, then also by plain
    http and on any port. ``connect`` and ``total`` are seconds. It raises ``Permanent`` for what
    the rules refuse, and httpx's own errors for the rest.
    """
    # httpx logs the whole address of each request, and addresses of webhooks are secrets.
    for name in ("httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.WARNING)
    context = context or trusted()
    ask = resolve or ask_system

    def transport(plain: bool) -> httpx.BaseTransport:
        return _Transport(_Backend(allow, ask, plain, connect), context, total)

    # A jar would carry the cookies of one tenant's receiver into another tenant's request.
    no_cookies = http.cookiejar.CookieJar(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    return httpx.Client(
        transport=transport(plain=False),
        mounts={"http://": transport(plain=True)},
        timeout=httpx.Timeout(total, connect=connect, pool=connect),
        headers={"user-agent": "Tocsin", "accept-encoding": "identity"},
        cookies=no_cookies,
        follow_redirects=False,
        trust_env=False,
    )


def trusted() -> ssl.SSLContext:
    """The public authorities, and those that the administrator of this machine trusts."""
    context = ssl.create_default_context(cafile=certifi.where())
    context.load_default_certs()
    return context


def ask_system(host: str, port: int) -> list[str]:
    """All addresses that the resolver of this machine knows for ``host``."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def look_up(resolve: Resolve, host: str, port: int, seconds: float) -> list[addresses.Address]:
    """All addresses of ``host``, not checked yet; raises httpcore's errors of connecting."""
    literal = addresses.literal(host)
    if literal is not None:
        return [literal]
    answer = _answer(resolve, host, port, seconds)
    return [addresses.unwrapped(ipaddress.ip_address(text)) for text in answer]


def _answer(resolve: Resolve, host: str, port: int, seconds: float) -> list[str]:
    """Ask the resolver in a thread of its own: getaddrinfo knows no time-out."""
    box: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            box.put(resolve(host, port))
        except (OSError, UnicodeError) as problem:
            box.put(problem)
        finally:
            _LOOKUPS.release()

    if not _LOOKUPS.acquire(blocking=False):
        raise httpcore.ConnectTimeout("too many name look-ups are waiting")
    threading.Thread(target=ask, daemon=True, name="egress-lookup").start()
    try:
        answer = box.get(timeout=seconds)
    except queue.Empty:
        raise httpcore.ConnectTimeout("the name server does not answer") from None
    if isinstance(answer, Exception) or not answer:
        raise httpcore.ConnectError("its name could not be resolved")
    return answer


class _Backend(httpcore.NetworkBackend):
    """Opens connections to checked addresses only."""

    def __init__(
        self, allow: addresses.Networks, resolve: Resolve, plain: bool, connect: float
    ) -> None:
        self._allow, self._resolve, self._plain = allow, resolve, plain
        self._connect = connect
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        until = time.monotonic() + (self._connect if timeout is None else timeout)
        checked = self._checked(host, port, until - time.monotonic())
        problem: Exception = httpcore.ConnectError("it has no address")
        for count, address in enumerate(checked):
            # An address that swallows packets may use up its share of the time, not all of it.
            share = (until - time.monotonic()) / (len(checked) - count)
            try:
                inner = self._inner.connect_tcp(str(address), port, max(share, 0.05))
                return _Stream(inner)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as failed:
                problem = failed
        raise problem

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.NetworkStream:
        raise addresses.refused("What a tenant names are hosts, not sockets of this machine.")

    def _checked(self, host: str, port: int, seconds: float) -> list[addresses.Address]:
        found = look_up(self._resolve, host, port, seconds)
        for address in found:
            addresses.check(address, host, port, plain=self._plain, allow=self._allow)
        return found[:TRIED]


#: Until when the request that this thread is making may take.
_clock = threading.local()


def _left(timeout: float | None, error: type[Exception]) -> float:
    """Seconds for the next step on the wire: a peer that drips bytes cannot renew its time."""
    left: float = getattr(_clock, "until", float("inf")) - time.monotonic()
    if left <= 0:
        raise error("the time for the whole request is over")
    return min(left, TOTAL_SECONDS if timeout is None else timeout)


class _Stream(httpcore.NetworkStream):
    """A connection that keeps to the time of the whole request."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITE_BYTES):
            part = buffer[start : start + _WRITE_BYTES]
            self._inner.write(part, _left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        left = _left(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Transport(httpx.HTTPTransport):
    """httpx's transport over our connections, with bounded replies."""

    def __init__(self, backend: _Backend, context: ssl.SSLContext, total: float) -> None:
        super().__init__(verify=context, trust_env=False)
        self._total = total
        # httpx has no argument for the network backend; test_egress.py pins that this one is used.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        addresses.check_url(str(request.url))
        seconds = min(request.extensions.get("total_seconds", self._total), self._total)
        _clock.until = time.monotonic() + seconds
        response = super().handle_request(request)
        limit = min(request.extensions.get("reply_bytes", REPLY_BYTES), REPLY_BYTES_MOST)
        if response.headers.get("content-encoding", "identity") != "identity":
            limit = 0  # we asked for none; unpacking it could fill the memory
        if not isinstance(response.stream, httpx.SyncByteStream):
            raise TypeError("a synchronous transport gave an asynchronous stream")
        response.stream = _Bounded(response.stream, limit)
        return response


class _Bounded(httpx.SyncByteStream):
    """The first bytes of a reply; the rest is never read."""

    def __init__(self, inner: httpx.SyncByteStream, limit: int) -> None:
        self._inner, self._limit = inner, limit

    def __iter__(self) -> Iterator[bytes]:
        left = self._limit
        for part in self._inner:
            yield part[:left]
            left -= len(part)
            if left <= 0:
                return

    def close(self) -> None:
        self._inner.close()
