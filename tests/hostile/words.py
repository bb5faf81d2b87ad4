"""The words that the hostile inputs are written in: what is sent where, and what must come back.

Each file beside this one is one hostile input, named after its number and what is wrong with it. It
has `CASES`, or `cases(scene)` where they need what only a running installation knows, and may
have `after(scene)`, which looks at the record and at what went out once all work is done.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

HOOK, V2, NATIVE = "/webhooks/alertmanager", "/api/v2/alerts", "/api/v1/alerts"
GRAFANA, AMAZON, MAPPED = "/webhooks/grafana", "/webhooks/cloudwatch", "/webhooks/mapped/any"
API = "/api/v1"
GZIP = {"Content-Encoding": "gzip"}
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One request, and what must come back: a status, how many alerts were accepted, some words."""

    path: str
    body: bytes = b""
    status: int | frozenset[int] = 200
    accepted: int | None = None
    says: str = ""
    method: str = "POST"
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def fine(self) -> frozenset[int]:
        return self.status if isinstance(self.status, frozenset) else frozenset((self.status,))


@dataclass(frozen=True)
class Raw:
    """Bytes for the socket; {bearer} stands for the token. `fine`: the statuses of the answer.

    b"" is a server that only hangs up. There are at most so many `answers`. `half`: the server
    waits for more.
    """

    sent: bytes
    fine: frozenset[bytes]
    answers: int = 1
    half: bool = False


def hook(body: bytes, status: int = 200, accepted: int | None = None) -> Case:
    """A post as Alertmanager's webhook."""
    return Case(HOOK, body, status, accepted)


def v2(body: bytes, status: int = 200) -> Case:
    """A post as Prometheus."""
    return Case(V2, body, status)


def native(body: bytes, status: int = 200, accepted: int | None = None) -> Case:
    """A post in our own form."""
    return Case(NATIVE, body, status, accepted)


def api(
    method: str, path: str, status: int | frozenset[int], body: Any = None, says: str = "",
) -> Case:  # fmt: skip
    """A call of the API."""
    content = b"" if body is None else json.dumps(body).encode()
    kind = {"Content-Type": "application/json"} if body is not None else {}
    return Case(API + path, content, status, says=says, method=method, headers=kind)


def refused(policy: str) -> Case:
    """A policy that is not valid."""
    return api("POST", "/policy/check", 200, {"document": policy}, '"valid":false')


def packed(body: bytes, status: int, **headers: str) -> Case:
    """A webhook whose body is encoded somehow; `_` stands for `-` in the names of headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Case(HOOK, body, status, headers=named)


def raw(
    rest: bytes, *fine: bytes, path: bytes = b"/webhooks/alertmanager", answers: int = 1,
    half: bool = False,
) -> Raw:  # fmt: skip
    """A POST with a token over the socket; `rest` begins after the header with the token."""
    head = b"POST " + path + b" HTTP/1.1\r\nHost: x\r\nAuthorization: {bearer}\r\n"
    return Raw(head + rest, frozenset(fine), answers, half)


def of(*, labels: dict[str, Any] | None = None, **fields: Any) -> bytes:
    """A webhook whose only alert has these fields, too."""
    alert = {"status": "firing", "labels": labels or {"alertname": "a"}} | fields
    return json.dumps({"alerts": [alert]}).encode()


def many(*names: str) -> bytes:
    """A webhook with one firing alert for each name."""
    alerts = [{"status": "firing", "labels": {"alertname": name}} for name in names]
    return json.dumps({"version": "4", "status": "firing", "alerts": alerts}).encode()


def literal(text: str, **more: str) -> bytes:
    """A webhook with an alert that says this wherever somebody who names machines can say it."""
    labels = {"alertname": f"Literal {text}", "host": text, "severity": "critical", **more}
    notes = {"summary": text, "description": f"see {text}", "runbook_url": text}
    return of(labels=labels, annotations=notes)


FINE = many("fine")


def files() -> list[Path]:
    """The hostile inputs in their order."""
    return sorted(HERE.glob("[0-9][0-9]-*.py"))


def load(file: Path) -> ModuleType:
    """A hostile input; made anew each time, so that large ones do not stay."""
    name = re.sub(r"\W", "_", f"hostile_{file.stem}")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numbered(*numbers: int) -> Sequence[Case]:
    """The requests of these inputs, for tests that play them otherwise."""
    chosen = [file for file in files() if int(file.name[:2]) in numbers]
    return [case for file in chosen for case in load(file).CASES]
