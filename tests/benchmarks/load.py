"""The load generator, a process of its own: raw sockets, keep-alive, bodies of ready pieces.

Reads its order as a line of JSON, says `ready`, and for each `warm` or `run` that it then reads
posts and says what came of it as a line of JSON. It ends with its standard input.
"""

from __future__ import annotations

import itertools
import json
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.benchmarks import bodies

#: How long an answer may take after the last request.
GRACE_SECONDS = 60.0
#: Bodies drawn before the clock runs, so that all connections begin at once.
_READY = 16
#: After a refusal a sender waits before it tries again, as real ones do.
_REFUSED_SECONDS = 0.05


@dataclass(frozen=True)
class Order:
    """What to post where. `rate` is alerts a second that fall due; 0: as fast as it is answered.

    `tokens`: requests go to their tenants in turn. `known`: the pool was posted before. `alerts`:
    no more than so many; 0: as many as there is time for.
    """

    host: str
    port: int
    path: str
    tokens: list[str]
    mix: bodies.Mix
    batch: int
    connections: int
    seconds: float
    run: int
    rate: float = 0.0
    alerts: int = 0
    warm_seconds: float = 1.0
    pool: int = bodies.POOL
    known: bool = False


@dataclass
class Result:
    """What was answered. `seconds` is from the first request to the last answer."""

    accepted: int = 0
    refused: int = 0
    unanswered: int = 0
    sent_bytes: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    statuses: Counter[int] = field(default_factory=Counter)


class Connection:
    """One keep-alive connection with at most one request under way."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address, 10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self._unsent = memoryview(b"")
        self._answer = b""
        self.busy = False
        self.not_before = 0.0

    def fileno(self) -> int:
        return self._socket.fileno()

    def post(self, request: bytes) -> bool:
        """Begin a request; True if all of it went out at once."""
        self._unsent, self.busy = memoryview(request), True
        return self.send()

    def send(self) -> bool:
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return False
        return True

    def status(self) -> int | None:
        """The status of a complete answer, None before that; raises ConnectionError."""
        try:
            got = self._socket.recv(1 << 16)
        except BlockingIOError:
            return None
        if not got:
            raise ConnectionError("the server closed a connection")
        self._answer += got
        head, found, body = self._answer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return None
        self._answer, self.busy = b"", False
        return int(head[9:12])

    def close(self) -> None:
        self._socket.close()


class Load:
    """The connections and what is posted on them."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.bodies = bodies.Bodies(order.mix, order.batch, order.run, order.pool)
        self._heads = itertools.cycle([_head(order, token) for token in order.tokens])
        self._poll = select.epoll()
        self._connections: dict[int, Connection] = {}

    def warm(self) -> Result:
        """Make known what the mix repeats, to each tenant, then a little of the mix itself."""
        size = min(1000, self.order.pool)
        whole = self.bodies.everything_seen(size) if not self.order.known else iter(())
        each = (body for body in whole for _ in self.order.tokens)
        result = self._through(each, size, GRACE_SECONDS, 0)
        more = self._through(self._drawn(), self.order.batch, self.order.warm_seconds, 0)
        result.accepted += more.accepted
        result.refused += more.refused
        result.statuses += more.statuses
        return result

    def run(self) -> Result:
        most = self.order.alerts // self.order.batch or None
        return self._through(
            itertools.islice(self._drawn(), most), self.order.batch, self.order.seconds,
            self.order.rate / self.order.batch,
        )  # fmt: skip

    def _drawn(self) -> Iterator[bytes]:
        yield from [self.bodies.draw() for _ in range(_READY)]
        while True:
            yield self.bodies.draw()

    def _connect_all(self) -> None:
        """Anew each time: servers close what was idle for some seconds."""
        for number, connection in list(self._connections.items()):
            self._drop(number, connection)
        for _ in range(self.order.connections):
            self._connect()

    def _connect(self) -> None:
        made = Connection((self.order.host, self.order.port))
        self._connections[made.fileno()] = made
        self._poll.register(made.fileno(), select.EPOLLIN)

    def _through(
        self, source: Iterator[bytes], batch: int, seconds: float, requests_a_second: float
    ) -> Result:
        """Post what `source` gives until it or the time is over, then wait for the answers."""
        self._connect_all()
        result, cpu = Result(), time.process_time()
        following = next(source, None)
        begun = due = time.perf_counter()
        end = begun + seconds
        while True:
            now = time.perf_counter()
            for each in self._idle(now):
                if following is None or now >= end or due > now:
                    break
                result.sent_bytes += len(following)
                self._post(each, following)
                following = next(source, None)
                if requests_a_second:
                    due += 1 / requests_a_second
                now = time.perf_counter()
            over = following is None or now >= end
            if over and (now > end + GRACE_SECONDS or not self._busy()):
                break
            self._answers(result, batch, 0.005 if requests_a_second else 0.05)
        result.unanswered = self._busy() * batch
        result.seconds = time.perf_counter() - begun
        result.cpu_seconds = time.process_time() - cpu
        return result

    def _idle(self, now: float) -> list[Connection]:
        return [c for c in self._connections.values() if not c.busy and c.not_before <= now]

    def _busy(self) -> int:
        return sum(connection.busy for connection in self._connections.values())

    def _post(self, connection: Connection, body: bytes) -> None:
        # To the end of the line: servers close a connection that never has its turn.
        number = connection.fileno()
        self._connections[number] = self._connections.pop(number)
        request = next(self._heads) + b"Content-Length: %d\r\n\r\n" % len(body) + body
        if not connection.post(request):
            self._poll.modify(number, select.EPOLLIN | select.EPOLLOUT)

    def _answers(self, result: Result, batch: int, patience: float) -> None:
        for number, events in self._poll.poll(patience):
            connection = self._connections[number]
            if events & select.EPOLLOUT and connection.send():
                self._poll.modify(number, select.EPOLLIN)
            if not events & ~select.EPOLLOUT:
                continue
            try:
                status = connection.status()
            except ConnectionError:
                status = 0 if connection.busy else None
                self._drop(number, connection)
                self._connect()
            if status is None:
                continue
            result.statuses[status] += 1
            if 200 <= status < 300:
                result.accepted += batch
            else:
                result.refused += batch
                connection.not_before = time.perf_counter() + _REFUSED_SECONDS

    def _drop(self, number: int, connection: Connection) -> None:
        self._poll.unregister(number)
        del self._connections[number]
        connection.close()


def _head(order: Order, token: str) -> bytes:
    return (
        f"POST {order.path} HTTP/1.1\r\nHost: {order.host}:{order.port}\r\n"
        f"Authorization: Bearer {token}\r\nContent-Type: application/json\r\n"
    ).encode()


def _length(head: bytes) -> int:
    _, found, rest = head.lower().partition(b"content-length:")
    return int(rest.split(b"\r\n", 1)[0]) if found else 0


def main() -> None:
    load = Load(Order(**json.loads(sys.stdin.readline())))
    print("ready", flush=True)
    for line in sys.stdin:
        result = load.warm() if line.strip() == "warm" else load.run()
        print(json.dumps(vars(result)), flush=True)


if __name__ == "__main__":
    main()
