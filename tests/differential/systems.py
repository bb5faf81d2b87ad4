"""The two that are compared, behind the same few words: post, silence, unsilence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import httpx

from tests.alertmanager import Alertmanager
from tests.differential import scenarios
from tests.e2e.conftest import Tenant
from tocsin.domain import matchers

_LONG = timedelta(hours=2)


class System(Protocol):
    """What a scenario does to either of them."""

    def post(self, alerts: list[dict[str, Any]]) -> None: ...

    def silence(self, matcher: str) -> str: ...

    def unsilence(self, id: str) -> None: ...


class Theirs:
    """A real Alertmanager. The client is shared: to make one takes longer than a step may."""

    def __init__(self, running: Alertmanager, client: httpx.Client) -> None:
        self._api = f"{running.url}/api/v2"
        self._client = client

    def post(self, alerts: list[dict[str, Any]]) -> None:
        self._client.post(f"{self._api}/alerts", json=alerts).raise_for_status()

    def silence(self, matcher: str) -> str:
        one, now = matchers.parse(matcher), datetime.now(UTC)
        said = {"name": one.name, "value": one.value, "isRegex": "~" in one.op,
                "isEqual": "!" not in one.op}  # fmt: skip
        body = {"matchers": [said], "startsAt": now.isoformat(), "createdBy": "ann",
                "endsAt": (now + _LONG).isoformat(), "comment": "differential"}  # fmt: skip
        reply = self._client.post(f"{self._api}/silences", json=body).raise_for_status()
        return str(reply.json()["silenceID"])

    def unsilence(self, id: str) -> None:
        self._client.delete(f"{self._api}/silence/{id}").raise_for_status()


class Ours:
    """A tenant of Tocsin."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def post(self, alerts: list[dict[str, Any]]) -> None:
        self._tenant.post(*alerts)

    def silence(self, matcher: str) -> str:
        body = {"matchers": [matcher], "duration": "2h", "comment": "differential",
                "override": True}  # fmt: skip
        return str(self._call("POST", "/api/v1/silences", json=body).json()["id"])

    def unsilence(self, id: str) -> None:
        self._call("DELETE", f"/api/v1/silences/{id}")

    def _call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self._tenant.call(method, path, **options).raise_for_status()


class Hand:
    """Does the steps of one scenario to one system, and remembers when alerts began."""

    def __init__(self, system: System, clock: Callable[[], float]) -> None:
        self._system = system
        self._clock = clock
        self._began: dict[str, str] = {}
        self._silences: dict[str, str] = {}

    def do(self, step: scenarios.Step) -> None:
        now = datetime.fromtimestamp(self._clock(), UTC)
        alerts = []
        for text in step.fire:
            self._began[text] = now.isoformat()
            alerts.append(self._alert(text, now + _LONG))
        alerts += [self._alert(text, now) for text in step.end]
        if alerts:
            self._system.post(alerts)
        if step.silence is not None:
            name, matcher = step.silence
            self._silences[name] = self._system.silence(matcher)
        if step.unsilence is not None:
            self._system.unsilence(self._silences[step.unsilence])

    def _alert(self, text: str, ends: datetime) -> dict[str, Any]:
        return {"labels": scenarios.labels(text), "annotations": {},
                "startsAt": self._began[text], "endsAt": ends.isoformat()}  # fmt: skip
