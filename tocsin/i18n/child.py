"""The process that runs templates: ``python -m tocsin.i18n.child``, spoken to over its stdin.

It has no secrets in its environment, no connection to anything, and little memory and time. It ends
when its parent does. A frame is four bytes of length and JSON.
"""

from __future__ import annotations

import json
import resource
import socket
import struct
import time
from typing import Any

import jinja2

from tocsin.i18n import sandbox

MEMORY = 512 * 1024 * 1024
#: Whole seconds of the processor for one request; the parent's patience is shorter as a rule.
CPU_SECONDS = 2
#: Largest request and largest answer.
MAX_FRAME = 8 * 1024 * 1024
HEAD = struct.Struct(">I")


def main() -> None:
    """Answer until the parent hangs up."""
    for limit in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE):
        resource.setrlimit(limit, (0, 0))
    _limit(resource.RLIMIT_AS, MEMORY)
    with socket.socket(fileno=0) as parent:
        _send(parent, {"ready": True})
        while (request := _receive(parent)) is not None:
            _limit_time()
            _send(parent, answer(request))


def answer(request: dict[str, Any]) -> dict[str, Any]:
    """The texts of all parts, or the first thing that went wrong, with its place."""
    texts = {}
    for part, (form, source) in request["parts"].items():
        try:
            texts[part] = sandbox.render(form, source, request["context"], request["locale"])
        except MemoryError:
            return {"error": "it takes too much memory", "part": part, "line": None}
        except RecursionError:
            return {"error": "it is nested too deeply", "part": part, "line": None}
        except Exception as error:
            said = str(error) or type(error).__name__
            return {"error": said[:300], "part": part, "line": _line(error)}
    return {"texts": texts}


def _line(error: Exception) -> int | None:
    """The line of the template: Jinja shows its own lines in the traceback."""
    if isinstance(error, jinja2.TemplateSyntaxError):
        return error.lineno
    found, trace = None, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == "<template>":
            found = trace.tb_lineno
        trace = trace.tb_next
    return found


def _limit(which: int, soft: int) -> None:
    _, hard = resource.getrlimit(which)
    soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(which, (soft, hard))


def _limit_time() -> None:
    """The kernel counts from the start of the process, so each request gets its own bound."""
    _limit(resource.RLIMIT_CPU, int(time.process_time()) + CPU_SECONDS)


def _send(parent: socket.socket, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    parent.sendall(HEAD.pack(len(raw)) + raw)


def _receive(parent: socket.socket) -> dict[str, Any] | None:
    head = _exactly(parent, HEAD.size)
    if head is None:
        return None
    (size,) = HEAD.unpack(head)
    raw = _exactly(parent, size) if size <= MAX_FRAME else None
    return None if raw is None else dict(json.loads(raw))


def _exactly(parent: socket.socket, size: int) -> bytes | None:
    got = bytearray()
    while len(got) < size:
        more = parent.recv(min(size - len(got), 65536))
        if not more:
            return None
        got += more
    return bytes(got)


if __name__ == "__main__":
    main()
