"""Every known way to talk a sender of webhooks into the private network, refused (ASVS 1.3.6)."""

from __future__ import annotations

import datetime
import ipaddress
import json
import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent import futures
from pathlib import Path
from typing import Any

import httpcore
import httpx
import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

import channels
from tocsin import errors
from tocsin.demo.fakes import server
from tocsin.egress import addresses, guard

LOOPBACK = addresses.networks("127.0.0.0/8, ::1/128")
PUBLIC = "93.184.215.14"

CASES: dict[str, list[list[str]]] = yaml.safe_load(
    Path(__file__).with_name("egress_cases.yml").read_text(encoding="utf-8")
)
NOT_PUBLIC = [text for row in CASES["not_public"] for text in row]
ODD_HOSTS = [text for row in CASES["odd_hosts"] for text in row]


class Wire:
    """Instead of a network: notes where it was asked to connect and never gets there."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []

    def connect_tcp(self, host: str, port: int, timeout: float) -> httpcore.NetworkStream:
        self.asked.append((host, port))
        raise httpcore.ConnectError("no network in this test")


def guarded(
    answers: list[list[str]], *, plain: bool = False, allow: str = ""
) -> tuple[guard._Backend, Wire, list[str]]:
    """A backend whose name server gives one of ``answers`` after the other."""
    asked: list[str] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    backend = guard._Backend(addresses.networks(allow), resolve, plain, connect=1.0)
    wire = Wire()
    backend._inner = wire  # type: ignore[assignment]
    return backend, wire, asked


@pytest.fixture
def provider() -> Iterator[tuple[server.Server, list[server.Request], dict[str, server.Reply]]]:
    requests: list[server.Request] = []
    replies: dict[str, server.Reply] = {}

    async def answer(request: server.Request) -> server.Reply:
        requests.append(request)
        return replies.get(request.path, server.Reply())

    with server.running(server.Server(answer)) as running:
        yield running, requests, replies


@pytest.mark.parametrize("text", NOT_PUBLIC)
def test_addresses_that_are_not_public(text: str) -> None:
    address = addresses.unwrapped(ipaddress.ip_address(text))
    assert not addresses.is_public(address)
    backend, wire, _ = guarded([[text]])
    with pytest.raises(errors.Permanent, match="not public"):
        backend.connect_tcp("rebound.example", 443)
    assert wire.asked == []


@pytest.mark.parametrize("text", ["8.8.8.8", PUBLIC, "2606:4700:4700::1111", "::ffff:8.8.8.8"])
def test_addresses_that_are_public(text: str) -> None:
    address = addresses.unwrapped(ipaddress.ip_address(text))
    assert addresses.is_public(address)
    backend, wire, _ = guarded([[text]])
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("hooks.example", 443)
    assert wire.asked == [(str(address), 443)]


@pytest.mark.parametrize("host", ODD_HOSTS)
def test_odd_spellings_are_refused(host: str) -> None:
    with pytest.raises(errors.Permanent):
        addresses.check_url(f"https://{host}/hook")
    backend, wire, asked = guarded([[PUBLIC]])
    with pytest.raises(errors.Permanent):
        backend.connect_tcp(host.strip("["), 443)
    assert not wire.asked
    assert not asked


@pytest.mark.parametrize(
    "url",
    [
        "ftp://hooks.example/",
        "file:///etc/passwd",
        "gopher://hooks.example/",
        "//hooks.example/",
        "https://",
        "https:///path",
        "https://user@hooks.example/",
        "https://user:password@hooks.example/",
        "https://hooks.example@127.0.0.1/",
        "https://hooks.example\\@127.0.0.1/",
        "https://hooks.example:99999/",
        "https://hooks.example:a/",
        "https://hooks.example/a b",
        "https://hooks.example/\r\nX-Evil: 1",
        "https://hooks.example/\x00",
        "javascript:alert(1)",
        "",
    ],
)
def test_addresses_that_are_not_plain(url: str) -> None:
    with pytest.raises(errors.Permanent) as refused:
        addresses.check_url(url)
    assert refused.value.reason == "clientError"
    assert "password" not in str(refused.value).replace("or a password", "")


@pytest.mark.parametrize("url", ["https://[::1]/", "https://127.0.0.1:8443/x?y=z#f", "http://a_b/"])
def test_plain_addresses(url: str) -> None:
    addresses.check_url(url)


def test_one_private_address_among_public_ones_refuses_all() -> None:
    backend, wire, _ = guarded([[PUBLIC, "10.0.0.1"]])
    with pytest.raises(errors.Permanent, match="not public"):
        backend.connect_tcp("mixed.example", 443)
    assert wire.asked == []


def test_a_name_is_asked_once_and_the_checked_address_is_used() -> None:
    backend, wire, asked = guarded([[PUBLIC], ["127.0.0.1"]])
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("rebound.example", 443)
    assert (asked, wire.asked) == (["rebound.example"], [(PUBLIC, 443)])
    with pytest.raises(errors.Permanent, match="not public"):
        backend.connect_tcp("rebound.example", 443)
    assert wire.asked == [(PUBLIC, 443)]


def test_the_next_address_is_tried_when_one_is_dead() -> None:
    backend, wire, _ = guarded([["2606:4700::1", PUBLIC]])
    with pytest.raises(httpcore.ConnectError):
        backend.connect_tcp("hooks.example", 443)
    assert wire.asked == [("2606:4700::1", 443), (PUBLIC, 443)]


@pytest.mark.parametrize(
    ("address", "port", "plain", "allow", "refusal"),
    [
        (PUBLIC, 443, False, "", None),
        (PUBLIC, 80, True, "", "https only"),
        (PUBLIC, 443, True, "", "https only"),
        (PUBLIC, 8443, False, "", "port 443"),
        (PUBLIC, 22, False, "", "port 443"),
        (PUBLIC, 8080, True, "93.184.215.0/24", None),
        ("10.1.2.3", 9093, True, "10.1.0.0/16", None),
        ("10.1.2.3", 443, False, "10.1.0.0/16", None),
        ("10.2.2.3", 443, False, "10.1.0.0/16", "not public"),
        ("::ffff:10.1.2.3", 80, True, "10.1.0.0/16", None),
        ("fd00::7", 80, True, "10.1.0.0/16, fd00::/8", None),
    ],
)
def test_ports_and_plain_http(
    address: str, port: int, plain: bool, allow: str, refusal: str | None
) -> None:
    backend, wire, _ = guarded([[address]], plain=plain, allow=allow)
    expected = errors.Permanent if refusal else httpcore.ConnectError
    with pytest.raises(expected, match=refusal):
        backend.connect_tcp("host.example", port)
    assert bool(wire.asked) is (refusal is None)


def test_no_unix_socket() -> None:
    with pytest.raises(errors.Permanent):
        guarded([[]])[0].connect_unix_socket("/run/docker.sock")


def test_a_bad_network_is_named() -> None:
    assert addresses.networks(" ") == ()
    with pytest.raises(errors.SetupError, match=r"'10\.0\.0\.1/8'"):
        addresses.networks("127.0.0.0/8,10.0.0.1/8")


def test_a_name_server_that_hangs() -> None:
    answer = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        answer.wait()
        return []

    with guard.client(connect=0.05, resolve=resolve) as client:
        with pytest.raises(httpx.ConnectTimeout):
            client.post("https://slow.example/")
        answer.set()


@pytest.mark.parametrize("problem", [OSError("no such name"), UnicodeError("bad label")])
def test_a_name_that_is_not_known(problem: Exception) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise problem

    with guard.client(resolve=resolve) as client, pytest.raises(httpx.ConnectError):
        client.post("https://unknown.example/")


def test_the_client_has_the_guard_on_every_scheme(provider: Any) -> None:
    running, requests, _ = provider
    with guard.client() as client:
        for url in (running.url, f"https://127.0.0.1:{running.port}", "https://[::ffff:7f00:1]/"):
            with pytest.raises(errors.Permanent, match="not public"):
                client.post(url)
        with pytest.raises(errors.Permanent):
            client.get("https://user:pw@93.184.215.14/")
    assert requests == []


def test_names_are_kept_for_host_and_certificate(tmp_path: Path) -> None:
    """The connection goes to the checked address, TLS and HTTP still speak of the name."""
    context, trust = _tls(tmp_path, "hooks.example")
    heard: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: heard.append(name)
    seen: dict[str, str] = {}
    port, thread = _serve_one(context, seen)
    with guard.client(LOOPBACK, resolve=lambda *_: ["127.0.0.1"], context=trust) as client:
        assert client.post(f"https://hooks.example:{port}/x").status_code == 204
    thread.join(10)
    assert heard == ["hooks.example"]
    assert seen["host"] == f"hooks.example:{port}"


def test_a_certificate_for_another_name_is_not_taken(tmp_path: Path) -> None:
    context, trust = _tls(tmp_path, "other.example")
    port, thread = _serve_one(context, {})
    with (
        guard.client(LOOPBACK, resolve=lambda *_: ["127.0.0.1"], context=trust) as client,
        pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        client.post(f"https://hooks.example:{port}/x")
    thread.join(10)


def test_redirects_are_not_followed(provider: Any) -> None:
    running, requests, replies = provider
    replies["/"] = server.Reply(302, b"", {"location": f"{running.url}/inside"})
    with guard.client(LOOPBACK) as client:
        assert client.post(running.url).status_code == 302
    assert [request.path for request in requests] == ["/"]


def test_proxies_of_the_environment_are_not_asked(
    provider: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with guard.client(LOOPBACK) as client:
        assert client.post(provider[0].url).status_code == 200


def test_cookies_of_one_receiver_are_not_shown_to_the_next_caller(provider: Any) -> None:
    running, requests, replies = provider
    replies["/"] = server.Reply(200, b"", {"set-cookie": "tenant=a; Path=/"})
    with guard.client(LOOPBACK) as client:
        client.post(running.url)
        client.post(running.url)
    assert all("cookie" not in request.headers for request in requests)


def test_replies_are_bounded(provider: Any) -> None:
    running, _, replies = provider
    replies["/"] = server.Reply(200, manner="huge")
    replies["/packed"] = server.Reply(200, b"\x1f\x8b" * 50, {"content-encoding": "gzip"})
    with guard.client(LOOPBACK) as client:
        assert len(client.post(running.url).content) == guard.REPLY_BYTES
        assert client.post(f"{running.url}/packed").content == b""
        wish = {"reply_bytes": 10**9}
        long = client.post(running.url, extensions=wish).content
    assert len(long) == guard.REPLY_BYTES_MOST


@pytest.mark.parametrize("manner", ["hang", "drip"])
def test_the_whole_request_has_one_time_limit(provider: Any, manner: server.Manner) -> None:
    running, _, replies = provider
    replies["/"] = server.Reply(200, manner=manner)
    with guard.client(LOOPBACK, total=0.2) as client, pytest.raises(httpx.ReadTimeout):
        client.post(running.url)


def test_addresses_of_requests_are_not_logged(
    provider: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with guard.client(LOOPBACK) as client:
        client.post(f"{provider[0].url}/?key=secret-in-query")
    assert "secret-in-query" not in caplog.text


def test_one_client_serves_many_threads(provider: Any) -> None:
    running, requests, _ = provider
    with guard.client(LOOPBACK) as client, futures.ThreadPoolExecutor(8) as threads:
        replies = list(threads.map(client.post, [running.url] * 200))
    assert {reply.status_code for reply in replies} == {200}
    assert len(requests) == 200


def test_the_process_has_one_client() -> None:
    assert channels.http_client("127.0.0.0/8") is channels.http_client("127.0.0.0/8")
    assert channels.http_client("127.0.0.0/8") is not channels.http_client("")


def _tls(folder: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server with a certificate for ``name``, and a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    day = datetime.timedelta(days=1)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - day)
        .not_valid_after(now + day)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file = folder / "server.pem"
    file.write_bytes(pem + secret)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    return serving, ssl.create_default_context(cadata=pem.decode())


def _serve_one(context: ssl.SSLContext, seen: dict[str, str]) -> tuple[int, threading.Thread]:
    """Answer one TLS connection with 204 and note its headers."""
    door = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        with door:
            plain, _ = door.accept()
        try:
            with context.wrap_socket(plain, server_side=True) as stream:
                data = b""
                while b"\r\n\r\n" not in data:
                    data += stream.recv(4096)
                for line in data.decode().split("\r\n")[1:]:
                    name, _, value = line.partition(": ")
                    seen[name.lower()] = value
                stream.sendall(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        except OSError as refused:
            seen["refused"] = json.dumps(str(refused))
        finally:
            plain.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return int(door.getsockname()[1]), thread
