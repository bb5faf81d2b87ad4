"""The senders: they post until they are believed, as Alertmanager does, and keep a ledger."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from tests.faults import load, world
from tests.faults.history import Journal

PATHS = {
    "prometheus": "/api/v2/alerts",
    "alertmanager": "/webhooks/alertmanager",
    "native": "/api/v1/alerts",
}
#: How long a sender waits for an answer, and then before it asks again.
ANSWER_SECONDS, PAUSE_SECONDS = 5.0, 0.3


class Client:
    """All requests of a run go through here, so that none is missing in the ledger."""

    def __init__(self, journal: Journal, clock: Callable[[], float], bases: Sequence[str]) -> None:
        self._journal, self._clock, self._bases = journal, clock, list(bases)
        self._numbers = itertools.count(1)
        self._http = httpx.Client(
            timeout=ANSWER_SECONDS, trust_env=False, limits=httpx.Limits(max_connections=100)
        )
        self.posted = 0

    def close(self) -> None:
        self._http.close()

    def request(
        self, kind: str, tenant: world.Tenant, said: dict[str, Any], work: Callable[[], Any]
    ) -> httpx.Response | None:
        """One request between two lines of the ledger; None: nobody answered."""
        id = next(self._numbers)
        self._journal.add(id=id, phase="begin", kind=kind, tenant=tenant.id, **said)
        try:
            reply: httpx.Response | None = work()
        except httpx.HTTPError:
            reply = None
        self._journal.add(
            id=id, phase="end", kind=kind, tenant=tenant.id,
            status=0 if reply is None else reply.status_code, **outcome(kind, said, reply),
        )  # fmt: skip
        return reply

    def call(
        self, kind: str, tenant: world.Tenant, said: dict[str, Any], method: str, path: str,
        **options: Any,
    ) -> httpx.Response | None:  # fmt: skip
        """A request of the API with the token of the tenant."""
        headers = {"Authorization": f"Bearer {tenant.token}"}
        url = self._bases[0] + path
        return self.request(
            kind, tenant, said, lambda: self._http.request(method, url, headers=headers, **options)
        )

    def ask(self, tenant: world.Tenant, path: str) -> Any:
        """Look at something; None where nobody answers."""
        headers = {"Authorization": f"Bearer {tenant.token}"}
        try:
            reply = self._http.get(self._bases[0] + path, headers=headers)
        except httpx.HTTPError:
            return None
        return reply.json() if reply.status_code == 200 else None

    def post(
        self, tenant: world.Tenant, source: str, alerts: list[dict[str, Any]], over: threading.Event
    ) -> bool:
        """Post until it is accepted or refused for good; False where `over` came before."""
        for base in itertools.cycle(self._bases):
            reply = self._post(base, tenant, source, alerts)
            if reply is not None and reply.status_code < 500:
                self.posted += len(alerts)
                return True
            if over.wait(PAUSE_SECONDS):
                return False
        raise AssertionError("there is no address to post to")

    def _post(
        self, base: str, tenant: world.Tenant, source: str, alerts: list[dict[str, Any]]
    ) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {tenant.token}"}
        body = written(source, alerts)
        said = {"source": source, "alerts": alerts}
        url = base + PATHS[source]
        return self.request(
            "post", tenant, said, lambda: self._http.post(url, json=body, headers=headers)
        )


def outcome(kind: str, said: dict[str, Any], reply: httpx.Response | None) -> dict[str, Any]:
    """What the answer means to whoever asked."""
    if reply is None or reply.status_code >= 500:
        # A 503 may come after the commit whose answer was lost: nobody knows.
        return {"outcome": "doubt"}
    took = reply.status_code < 300
    if kind == "post":
        bad = [n for n, alert in enumerate(said["alerts"]) if alert.get("hostile")]
        # Alertmanager's own API says 400 when it has stored the good ones: then with bare words.
        took = took or (reply.status_code == 400 and reply.text.startswith('"'))
        return {"outcome": "accepted" if took else "refused", "rejected": bad if took else []}
    if kind == "silence" and took:
        return {"outcome": "accepted", "silence": reply.json()["id"]}
    return {"outcome": "accepted" if took else "refused"}


def written(source: str, alerts: list[dict[str, Any]]) -> Any:
    """The alerts as this source wants them."""
    if source == "alertmanager":
        return {
            "version": "4", "groupKey": "{}", "status": "firing", "receiver": "tocsin",
            "alerts": [_document(alert, "startsAt", "endsAt", status=True) for alert in alerts],
        }  # fmt: skip
    if source == "native":
        return [_document(alert, "starts_at", "ends_at", status=True) for alert in alerts]
    return [_document(alert, "startsAt", "endsAt", status=False) for alert in alerts]


def _document(alert: dict[str, Any], starts: str, ends: str, *, status: bool) -> Any:
    if alert.get("hostile"):
        return alert["document"]
    found = {"labels": alert["labels"], "annotations": {"summary": "the bench posted it"}}
    if alert["startsAt"]:
        found[starts] = alert["startsAt"]
    if alert["endsAt"]:
        found[ends] = alert["endsAt"]
    return found | ({"status": alert["status"]} if status else {})


def iso(moment: float) -> str:
    """As senders write it."""
    said = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return said.replace("+00:00", "Z")


def drawn(draft: load.Draft, began: float, now: float) -> dict[str, Any]:
    """An alert of the plan as it is posted now."""
    if draft.hostile is not None or not draft.labels:
        return {"labels": {}, "startsAt": "", "endsAt": "", "status": "", "hostile": True,
                "document": draft.hostile}  # fmt: skip
    return {
        "labels": draft.labels, "startsAt": iso(began + draft.starts),
        "endsAt": iso(now) if draft.over else "",
        "status": "resolved" if draft.over else "firing",
    }  # fmt: skip


class Lane(threading.Thread):
    """One sender, which posts in order and waits for each answer."""

    def __init__(
        self, client: Client, tenant: world.Tenant, plan: load.Lane, began: float,
        clock: Callable[[], float],
    ) -> None:  # fmt: skip
        super().__init__(name=f"lane {tenant.slug} {plan.number}")
        #: No further post is begun; then, the one that was begun is given up.
        self.closing, self.over = threading.Event(), threading.Event()
        #: Posts that were begun, and that nobody has said yes or no to until the end.
        self.unanswered = 0
        self._client, self._tenant, self._plan = client, tenant, plan
        self._began, self._clock = began, clock
        self._since = time.monotonic()

    def run(self) -> None:
        for post in self._plan.posts:
            if self.closing.wait(max(0.0, self._since + post.at - time.monotonic())):
                return
            now = self._clock()
            alerts = [drawn(draft, self._began, now) for draft in post.alerts]
            if not self._client.post(self._tenant, post.source, alerts, self.over):
                self.unanswered += 1
                return
