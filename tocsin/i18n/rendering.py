"""Rendering the templates of tenants, in a child process that may be slow, greedy or killed.

Whatever a template does, ``render`` answers within ``SECONDS`` or raises ``Unusable``: then the
channel composes the message itself, as it does for those who have no templates.
"""

from __future__ import annotations

import atexit
import functools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

from schemas import templates as written
from schemas.message import Message
from tocsin import errors
from tocsin.i18n import child

#: So long a message waits for its template at most, the wait for other threads included.
SECONDS = 1.0
#: So long a child may take to come up before it is given up.
START_SECONDS = 15.0
#: What a template sees of a machine is nothing; Python itself needs these.
_PASSED_ON = ("LANG", "LC_ALL", "LD_LIBRARY_PATH", "PATH", "TZDIR")


class Unusable(errors.TocsinError):
    """A template could not be used.

    ``kind`` is "template" where the template itself failed, "time" where it took too long, "child"
    where its process died, and "busy" where it was not even begun, for which it is not to blame.
    ``part`` and ``line`` say where, if that is known.
    """

    status = 422
    title = "Template not usable"

    def __init__(
        self, message: str, *, kind: str, part: str | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind, self.part, self.line = kind, part, line


class _Child:
    """The process and our end of the line to it."""

    def __init__(self) -> None:
        self.line, theirs = socket.socketpair()
        environ = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        environ["PYTHONPATH"] = os.pathsep.join(path or os.getcwd() for path in sys.path)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tocsin.i18n.child"], stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ,
                start_new_session=True,
            )  # fmt: skip
        self.started, self.ready, self.owner = time.monotonic(), False, os.getpid()

    def receive(self, until: float) -> dict[str, Any]:
        """The next answer. Raises TimeoutError, or OSError where there will be none."""
        (size,) = child.HEAD.unpack(self._exactly(child.HEAD.size, until))
        if size > child.MAX_FRAME:
            raise OSError("the answer is too long")
        found: dict[str, Any] = json.loads(self._exactly(size, until))
        return found

    def send(self, body: Mapping[str, Any], until: float) -> None:
        raw = json.dumps(body).encode()
        self._patience(until)
        self.line.sendall(child.HEAD.pack(len(raw)) + raw)

    def end(self) -> None:
        self.line.close()
        if self.owner == os.getpid():
            self.process.kill()
            self.process.wait()

    def _exactly(self, size: int, until: float) -> bytes:
        got = bytearray()
        while len(got) < size:
            self._patience(until)
            more = self.line.recv(min(size - len(got), 65536))
            if not more:
                raise OSError("it has ended")
            got += more
        return bytes(got)

    def _patience(self, until: float) -> None:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.line.settimeout(left)


class Renderer:
    """One child at a time, started when first needed and anew after each death."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds, self._lock = seconds, threading.Lock()
        self._child: _Child | None = None

    @property
    def pid(self) -> int | None:
        return self._child.process.pid if self._child else None

    def start(self, patience: float = START_SECONDS) -> None:
        """Have a child ready before the first page needs it."""
        with self._lock:
            self._ready(time.monotonic() + patience)

    def stop(self) -> None:
        with self._lock:
            self._drop()

    def render(
        self, parts: Mapping[str, tuple[str, str]], context: Mapping[str, Any], locale: str
    ) -> dict[str, str]:
        """The texts of these parts (name -> form, source). Raises Unusable."""
        until = time.monotonic() + self._seconds
        if not self._lock.acquire(timeout=self._seconds):
            raise Unusable("other templates took too long", kind="busy")
        try:
            return self._render({"parts": parts, "context": context, "locale": locale}, until)
        finally:
            self._lock.release()

    def _render(self, request: dict[str, Any], until: float) -> dict[str, str]:
        held = self._ready(until)
        if held is None:
            raise Unusable("the process that runs templates is not up yet", kind="busy")
        try:
            held.send(request, until)
            answer = held.receive(until)
        except TimeoutError:
            self._drop()
            said = f"it took longer than {self._seconds:g} s"
            raise Unusable(said, kind="time") from None
        except (OSError, ValueError):
            self._drop()
            said = "it used too much memory or time, or its process was killed"
            raise Unusable(said, kind="child") from None
        if "texts" in answer:
            return dict(answer["texts"])
        raise Unusable(answer["error"], kind="template", part=answer["part"], line=answer["line"])

    def _ready(self, until: float) -> _Child | None:
        """The child, if it is up by then; one that is slow to start is left to go on."""
        if self._child and (
            self._child.owner != os.getpid() or self._child.process.poll() is not None
        ):
            self._drop()
        held = self._child
        if held is not None and held.ready:
            return held
        try:
            self._child = held = held or _Child()
            held.ready = bool(held.receive(until)["ready"])
        except TimeoutError:
            if held is not None and time.monotonic() - held.started > START_SECONDS:
                self._drop()
            return None
        except (OSError, ValueError, KeyError):
            self._drop()
            return None
        return held

    def _drop(self) -> None:
        if self._child is not None:
            self._child.end()
            self._child = None


@functools.cache
def renderer() -> Renderer:
    """The one of this process."""
    made = Renderer()
    atexit.register(made.stop)
    return made


def context(message: Message) -> dict[str, Any]:
    """The message as a template sees it: plain data, moments as in RFC 3339."""
    plain = message.model_dump(mode="json")
    short = {name: plain[field] for name, field in written.ALIASES.items()}
    return {**plain, **short, "over": message.over}
