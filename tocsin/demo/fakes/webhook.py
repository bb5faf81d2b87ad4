"""A fake receiver of webhooks that checks and counts as a careful real one does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from typing import Any

from tocsin.demo.fakes import server

#: How far the timestamp may be from the clock of the receiver. Seconds.
TOLERANCE = 300


class Webhooks:
    """All receivers below ``/hook/``; the path is the destination.

    ``secrets`` maps a path, or ``*``, to the secret ``whsec_...`` it demands; without one it takes
    unsigned messages. A repeated ``webhook-id`` is answered with 200 and not shown again.
    """

    provider = "webhook"

    def __init__(self, clock: Callable[[], float], secrets: dict[str, str] | None = None) -> None:
        self._clock = clock
        self.secrets = dict(secrets or {})
        self._lock = threading.Lock()
        self._shown: dict[str, dict[str, Any]] = {}

    def owns(self, path: str) -> bool:
        """Whether this provider answers on ``path``."""
        return path.startswith("/hook/")

    def address(self, request: server.Request) -> tuple[str, str]:
        """Destination and idempotency key."""
        return request.path, request.headers.get("webhook-id", "")

    def refuse(self, request: server.Request) -> server.Reply | None:
        """What a receiver answers to a message that it does not believe."""
        secret = self.secrets.get(request.path, self.secrets.get("*"))
        if secret is None or self._signed(request, secret):
            return None
        return server.Reply(401, b'{"error":"bad signature"}')

    def act(self, request: server.Request) -> server.Reply:
        """Take the message."""
        path, key = self.address(request)
        try:
            body = json.loads(request.body)
        except ValueError:
            return server.Reply(400, b'{"error":"not JSON"}')
        with self._lock:
            shown = self._shown.setdefault(path, {})
            shown.setdefault(key or f"unkeyed-{len(shown)}", body)
        return server.Reply(200, b'{"ok":true}')

    def visible(self, path: str) -> list[Any]:
        """The bodies that a person behind this receiver would have seen, oldest first."""
        with self._lock:
            return list(self._shown.get(path, {}).values())

    def paths(self) -> list[str]:
        """The receivers that have got something."""
        with self._lock:
            return list(self._shown)

    def _signed(self, request: server.Request, secret: str) -> bool:
        sent = request.headers.get("webhook-timestamp", "")
        key = request.headers.get("webhook-id", "")
        if not key or not sent.isdigit() or abs(self._clock() - int(sent)) > TOLERANCE:
            return False
        raw = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(raw, f"{key}.{sent}.".encode() + request.body, hashlib.sha256).digest()
        wanted = f"v1,{base64.b64encode(digest).decode()}"
        given = request.headers.get("webhook-signature", "").split()
        return any(hmac.compare_digest(wanted, one) for one in given)
