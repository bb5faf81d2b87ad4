"""What is not HTTP goes out by the same rules: checked addresses, one limit of time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tocsin import errors
from tocsin.egress import addresses, sockets

PORTS = frozenset({25, 587})
LOOPBACK = addresses.networks("127.0.0.0/8")
PUBLIC = "93.184.215.14"
Peer = Callable[[socket.socket], None]


@pytest.fixture
def listening() -> Iterator[tuple[int, list[Peer]]]:
    """A port of the loopback; what is put into the list talks to the next who calls."""
    peers: list[Peer] = []
    with socket.create_server(("127.0.0.1", 0)) as door:

        def serve() -> None:
            try:
                caller, _ = door.accept()
            except OSError:
                return
            with caller:
                try:
                    peers[0](caller)
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield door.getsockname()[1], peers
        door.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def dial(host: str, port: int, *, plain: bool = False, seconds: float = 2.0, allow: str = "",
         answers: list[list[str]] | None = None) -> sockets.Wire:  # fmt: skip
    asked: list[str] = []

    def resolve(name: str, number: int) -> list[str]:
        asked.append(name)
        found = answers or [["127.0.0.1"]]
        return found[min(len(asked), len(found)) - 1]

    dialer = sockets.Dialer(addresses.networks(allow), resolve=resolve)
    return dialer.connect(host, port, ports=PORTS, plain=plain, seconds=seconds)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1", "64:ff9b::a9fe:a9fe", "::ffff:127.0.0.1"],
)
def test_private_addresses_are_out_of_reach(address: str) -> None:
    with pytest.raises(errors.Permanent, match="not public"):
        dial("mail.example", 587, answers=[[address]])
    with pytest.raises(errors.Permanent, match="not public"):
        dial("mail.example", 587, answers=[[PUBLIC, address]])


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "a b", "[::1"])
def test_odd_spellings_are_refused(host: str) -> None:
    with pytest.raises(errors.Permanent):
        dial(host, 587)


def test_in_public_only_usual_ports_and_only_with_tls() -> None:
    with pytest.raises(errors.Permanent, match="on port 25, 587 only, not on 6379"):
        dial("mail.example", 6379, answers=[[PUBLIC]])
    with pytest.raises(errors.Permanent, match="with TLS only"):
        dial("mail.example", 25, plain=True, answers=[[PUBLIC]])


def test_the_checked_address_is_the_one_that_is_reached(listening: tuple[int, list[Peer]]) -> None:
    """A second answer of the name server changes nothing: it is not asked again."""
    port, peers = listening
    peers.append(lambda caller: caller.sendall(b"hello\r\n"))
    wire = dial("mail.example", port, plain=True, allow="127.0.0.1/32",
                answers=[["127.0.0.1"], ["10.0.0.1"]])  # fmt: skip
    assert wire.makefile().readline() == b"hello\r\n"
    wire.close()


def test_nobody_listens_and_no_such_name() -> None:
    with pytest.raises(errors.Retryable, match="nothing answers") as refused:
        dial("127.0.0.1", 9, allow="127.0.0.0/8")
    assert refused.value.reason == "connectError"

    def unknown(host: str, port: int) -> list[str]:
        raise OSError("secret of the resolver")

    dialer = sockets.Dialer(LOOPBACK, resolve=unknown)
    with pytest.raises(errors.Retryable, match="could not be resolved") as lost:
        dialer.connect("mail.example", 587, ports=PORTS, plain=False, seconds=1)
    assert "secret" not in lost.value.message


def test_a_name_server_that_hangs() -> None:
    over = threading.Event()

    def slow(host: str, port: int) -> list[str]:
        over.wait(10)
        return []

    dialer = sockets.Dialer(LOOPBACK, resolve=slow)
    with pytest.raises(errors.Retryable, match="in time"):
        dialer.connect("mail.example", 587, ports=PORTS, plain=False, seconds=0.2)
    over.set()


def test_bytes_that_drip_do_not_renew_the_time(listening: tuple[int, list[Peer]]) -> None:
    port, peers = listening

    def drip(caller: socket.socket) -> None:
        for _ in range(200):
            caller.sendall(b"x")
            time.sleep(0.05)

    peers.append(drip)
    wire = dial("127.0.0.1", port, allow="127.0.0.0/8", seconds=0.5)
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        wire.makefile().readline()
    assert time.monotonic() - begun < 5
    assert wire.late
    with pytest.raises(TimeoutError):
        wire.sendall(b"late")
    wire.close()


def test_a_peer_that_says_too_much(listening: tuple[int, list[Peer]]) -> None:
    port, peers = listening

    def flood(caller: socket.socket) -> None:
        while True:
            caller.sendall(b"x" * 65536)

    peers.append(flood)
    wire = dial("127.0.0.1", port, allow="127.0.0.0/8", seconds=5)
    with pytest.raises(OSError, match="too much"):
        wire.makefile().read()
    wire.close()


@pytest.mark.parametrize("said", [b"220 plain text\r\n", b""])
def test_no_tls_there(listening: tuple[int, list[Peer]], said: bytes) -> None:
    port, peers = listening
    peers.append(lambda caller: caller.sendall(said))
    wire = dial("127.0.0.1", port, allow="127.0.0.0/8")
    with pytest.raises(errors.Retryable, match="TLS could not be set up"):
        wire.start_tls()
    wire.close()


def test_the_usual_authorities_are_trusted() -> None:
    trust = sockets.Dialer()._trust
    assert trust.verify_mode is ssl.CERT_REQUIRED
    assert trust.check_hostname
