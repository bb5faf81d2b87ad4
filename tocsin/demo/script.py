"""What happens in a demo: posts and acts with their moments, as data that `play` carries out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

Labels = Mapping[str, str]
Alert = dict[str, Any]

#: Prometheus gives an alert so long before it counts as over unless it is sent again.
LEASE = timedelta(minutes=4)
#: Prometheus sends at most so many alerts in one request.
BATCH = 64
TEAMS = {
    "web": "storefront",
    "search": "storefront",
    "cart": "storefront",
    "checkout": "payments",
    "payments": "payments",
    "fraud": "payments",
    "orders-db": "data",
    "catalog-db": "data",
    "cache": "data",
    "gateway": "platform",
    "queue": "platform",
    "kubernetes": "platform",
}


@dataclass(frozen=True, slots=True)
class Post:
    """A request to the ingest, `at` seconds after the beginning.

    ``alerts`` is how many stand in the body. ``urgent`` holds the labels of those that must reach
    a pager. ``say`` is for the viewer.
    """

    at: float
    tenant: str
    path: str
    body: Any
    alerts: int
    say: str = ""
    urgent: tuple[Labels, ...] = ()


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a person does, or that befalls a provider."""

    at: float
    do: Literal["silence", "acknowledge", "break", "heal", "lose_reply"]
    say: str
    what: Mapping[str, Any] = field(default_factory=dict)


Move = Post | Act


def labels(
    alertname: str, service: str, cluster: str, severity: str, **more: str
) -> dict[str, str]:
    """The labels that all alerts of the shop have, and `more`."""
    return {
        "alertname": alertname,
        "cluster": cluster,
        "service": service,
        "team": TEAMS[service],
        "severity": severity,
        **more,
    }


def firing(given: Labels, summary: str, since: datetime, now: datetime) -> Alert:
    """As Prometheus writes it: the end lies ahead and moves with each time it is sent."""
    return _alert(given, summary, since, now + LEASE)


def resolved(given: Labels, summary: str, since: datetime, ended: datetime) -> Alert:
    return _alert(given, summary, since, ended)


def prometheus(at: float, tenant: str, alerts: list[Alert], say: str = "",
               urgent: tuple[Labels, ...] = ()) -> Post:  # fmt: skip
    """One request of a Prometheus, of at most `BATCH` alerts."""
    return Post(at, tenant, "/api/v2/alerts", alerts, len(alerts), say, urgent)


def alertmanager(at: float, tenant: str, alerts: list[Alert], say: str = "",
                 urgent: tuple[Labels, ...] = ()) -> Post:  # fmt: skip
    """One request of somebody's Alertmanager, which groups by itself and tells us by webhook."""
    over = all(each["status"] == "resolved" for each in alerts)
    body: dict[str, Any] = {
        "version": "4",
        "receiver": "tocsin",
        "status": "resolved" if over else "firing",
        "groupKey": "{}:{}",
        "truncatedAlerts": 0,
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example:9093",
        "alerts": alerts,
    }
    return Post(at, tenant, "/webhooks/alertmanager", body, len(alerts), say, urgent)


def batches(alerts: list[Alert]) -> Iterable[list[Alert]]:
    """As many to a request as Prometheus sends."""
    return (alerts[n : n + BATCH] for n in range(0, len(alerts), BATCH))


def _alert(given: Labels, summary: str, starts: datetime, ends: datetime) -> Alert:
    return {
        "labels": dict(given),
        "annotations": {"summary": summary},
        "startsAt": starts.isoformat(),
        "endsAt": ends.isoformat(),
        "generatorURL": f"http://prometheus.{given.get('cluster', 'bank')}.example/graph",
    }
