"""33: many who send half of a request and then nothing, for ever."""

from __future__ import annotations

import contextlib
import socket

from tests.hostile import scenes, words

HEAD = b"POST /webhooks/alertmanager HTTP/1.1\r\nHost: x\r\n"
EACH = 100
CASES = [words.hook(words.FINE, 200, 1)]


def after(scene: scenes.Scene) -> None:
    """Whoever sends a whole one is served beside them, and they leave nothing behind."""
    name, _, port = scene.host.rpartition(":")
    bearer = f"Authorization: Bearer {scene.tenant.token}\r\nContent-Length: 50\r\n\r\n[".encode()
    with contextlib.ExitStack() as lines:
        for sent in [HEAD, HEAD + bearer] * EACH:
            line = lines.enter_context(socket.create_connection((name, int(port)), timeout=20))
            line.sendall(sent)
        assert scene.send(words.hook(words.many("beside"), 200, 1)).status_code == 200
        assert scene.get("/api/v1/alerts").status_code == 200
    scene.tenant.quiet()
    assert {each["labels"]["alertname"] for each in scene.alerts()} == {"fine", "beside"}
