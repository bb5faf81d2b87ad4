"""36: HTTP/0.9, TRACE, CONNECT, and a method hidden in a header."""

from __future__ import annotations

from tests.hostile import words

SIZED = b"Content-Length: 2\r\n\r\n[]"
TRACE = b" %s HTTP/1.1\r\nHost: x\r\nX-Secret: canary\r\n\r\n"


def plain(sent: bytes, *fine: bytes) -> words.Raw:
    return words.Raw(sent, frozenset(fine), half=b"\r\n\r\n" not in sent)


CASES = [
    plain(b"GET /-/healthy\r\n", b"400", b""),
    plain(b"GET /-/healthy HTTP/0.9\r\n\r\n", b"200", b"400", b"505", b""),
    plain(b"GET /-/healthy HTTP/9.9\r\n\r\n", b"200", b"400", b"505", b""),
    plain(b"TRACE" + TRACE % b"/webhooks/alertmanager", b"404", b"405"),
    plain(b"TRACE" + TRACE % b"/api/v1/alerts", b"405"),
    plain(b"TRACK" + TRACE % b"/api/v1/alerts", b"405", b"400"),
    plain(b"CONNECT evil.example:443 HTTP/1.1\r\nHost: x\r\n\r\n", b"404", b"405", b"400", b""),
    plain(b"GET http://evil.example/-/healthy HTTP/1.1\r\nHost: x\r\n\r\n", b"404", b"400", b"200"),
    plain(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"400", b"404", b"405", b"505", b""),
    plain(bytes(range(256)) * 9, b"400", b""),
    words.raw(b"X-HTTP-Method-Override: DELETE\r\n" + SIZED, b"200"),
    words.api("PATCH", "/silences/x", 405), words.api("PROPFIND", "/alerts", 405),
    words.Case(words.API + "/alerts", b"", 200, method="GET",
               headers={"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "PUT"}),
]  # fmt: skip
