"""The API over millions of stored alerts: a first page, searches, one alert, an act; and retention.

Some were posted and fire; the others are over, and were put into the record by SQL.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.benchmarks import bodies, bounds, cells, ours, systems
from tocsin.domain import tags

#: An address at which nobody listens: what is sent there waits behind its circuit.
NOWHERE = f"http://{systems.HOST}:9/unused"
FIRING, INCIDENTS, TIMES = 20_000, 100, 60
LIMIT = 100.0
_PIECE = 500_000
#: One in so many has an event in the partitions that retention drops.
_EVENTFUL = 5
_KEPT_DAYS = 40
#: The same that have alerts now had them before.
_NAMES, _CLUSTERS = list(bodies.NAMES), list(bodies.CLUSTERS)
_SERVICES = [f"service-{n:02d}" for n in range(50)]

#: Alert number g: one each 0.7 s, so ten million go back for 81 days.
_ALERTS = """
INSERT INTO alert (tenant, fingerprint, status, severity, labels, annotations, source,
  generator_url, starts_at, ends_at, count, first_seen, last_seen, tags)
SELECT %(tenant)s, substr(md5(g::text), 1, 16), 'resolved',
  (ARRAY['critical', 'warning', 'warning', 'info'])[1 + g %% 4],
  json_build_object('alertname', (%(names)s::text[])[1 + g %% 20],
    'cluster', (%(clusters)s::text[])[1 + g / 20 %% 5],
    'service', (%(services)s::text[])[1 + g / 100 %% 50], 'pod', 'pod-' || g)::text,
  '{"summary": "it is over since long"}', 'prometheus', 'http://prometheus.example.org/graph',
  at, at + interval '5 minutes', 1, at, at + interval '5 minutes',
  ARRAY[(%(name_tags)s::bigint[])[1 + g %% 20], (%(cluster_tags)s::bigint[])[1 + g / 20 %% 5],
    (%(service_tags)s::bigint[])[1 + g / 100 %% 50], hashtextextended('pod-' || g, 0)]
FROM generate_series(%(first)s::int, %(last)s::int) AS g,
  LATERAL (SELECT now() - interval '1 hour' - g * interval '0.7 s' AS at) AS began
"""
_EVENTS = """
INSERT INTO alert_event (tenant, received_at, fingerprint, kind, status, severity, posted, outcome,
  explained_at)
SELECT tenant, starts_at, fingerprint, 'new', 'firing', severity, true, 'notified', starts_at
FROM alert WHERE tenant = %s AND source = 'prometheus' AND status = 'resolved'
  AND hashtext(fingerprint) %% %s = 0
"""
_INDEX = "CREATE INDEX alert_tags ON alert USING gin (tags) WITH (gin_pending_list_limit = 1024)"


def rows(installation: ours.Ours, count: int) -> list[dict[str, Any]]:
    """Fill it and ask; milliseconds, p95 of TIMES requests of each kind."""
    target = installation.target(systems.policy("webhook", NOWHERE))
    _post(installation, target)
    _fill(installation, target.tenants[0], count)
    url = f"http://{systems.HOST}:{installation.environment['PORT']}/api/v1"
    said = {"Authorization": f"Bearer {target.tokens[0]}"}
    with httpx.Client(base_url=url, headers=said, timeout=60) as web:
        found = [_row(what, asks) for what, asks in _questions(web).items()]
    return [*found, _retention(installation)]


def _row(what: str, asks: Iterator[Callable[[], httpx.Response]]) -> dict[str, Any]:
    made = bounds.Bound(f"API, {what}, p95", LIMIT, "ms").row(_p95(asks))
    print(bounds.table([made]), file=sys.stderr, flush=True)
    return made


def _post(installation: ours.Ours, target: systems.Target) -> None:
    drawn = bodies.Bodies("repeat", 1000, 1, FIRING)
    with httpx.Client(base_url=f"http://{systems.HOST}:{target.port}", timeout=60) as web:
        said = {"Authorization": f"Bearer {target.tokens[0]}"}
        for body in drawn.everything_seen():
            web.post(systems.PATH, content=body, headers=said).raise_for_status()
        probes = [_probe(n) for n in range(INCIDENTS)]
        web.post(systems.PATH, json=probes, headers=said).raise_for_status()
    cells.drained(installation, 600)


def _probe(number: int) -> dict[str, Any]:
    labels = {"alertname": "Probe", "probe": "1", "instance": str(number), "severity": "critical"}
    ends = datetime.now(UTC) + timedelta(hours=6)  # not before all is filled
    said = {"summary": "one incident each"}
    return {"labels": labels, "annotations": said, "endsAt": ends.isoformat()}


def _fill(installation: ours.Ours, tenant: int, count: int) -> None:
    """Sorting the inverted index once at the end takes a fraction of the time."""
    fixed: dict[str, Any] = {
        "tenant": tenant, "names": _NAMES, "clusters": _CLUSTERS, "services": _SERVICES,
    }  # fmt: skip
    for name, values in (("alertname", _NAMES), ("cluster", _CLUSTERS), ("service", _SERVICES)):
        marks = [tags.of(tenant, [(name, value)])[0] for value in values]
        fixed[f"{name.removeprefix('alert')}_tags"] = marks
    installation.run("SET maintenance_work_mem = '1GB'")
    installation.run("DROP INDEX alert_tags")
    for first in range(1, count, _PIECE):
        print(f"stored {first - 1:,} ...", file=sys.stderr, flush=True)
        last = min(first + _PIECE - 1, count)
        installation.run(_ALERTS, {**fixed, "first": first, "last": last})
    installation.run(_INDEX)
    installation.run("SELECT make_partitions(current_date - 100, 100)")
    installation.run(_EVENTS, [tenant, _EVENTFUL])
    installation.run("VACUUM (ANALYZE) alert")
    installation.run("CHECKPOINT")


def _questions(web: httpx.Client) -> dict[str, Iterator[Callable[[], httpx.Response]]]:
    """Each kind of request, as many as are wanted, of which none is quite like the one before."""

    def listed(**asked: list[str]) -> Iterator[Callable[[], httpx.Response]]:
        for n in range(TIMES):
            params = {name: values[n % len(values)] for name, values in asked.items()}
            yield lambda params=params: web.get("/alerts", params=params)  # type: ignore[misc]

    first = web.get("/alerts", params={"limit": 200}).json()
    marks = [item["fingerprint"] for item in first["items"]]
    found = web.get("/incidents", params={"limit": 200}).json()["items"]
    pods = [item["labels"]["pod"] for item in first["items"] if "pod" in item["labels"]]
    limits = [str(number) for number in range(40, 60)]
    return {
        "list": listed(limit=limits),
        "list, what fires": listed(limit=limits, status=["firing"]),
        "list, what is over": listed(limit=limits, status=["resolved"]),
        "a later page": listed(limit=["200"], cursor=[first["next"]]),
        "filter, of 1 in 5": listed(filter=[f'cluster="{name}"' for name in _CLUSTERS]),
        "filter, of 1 in 20": listed(filter=[f'alertname="{name}"' for name in _NAMES]),
        "filter, of one alone": listed(filter=[f'pod="{pod}"' for pod in pods]),
        "filter, by expression": listed(filter=[f'service=~"service-{n}.*"' for n in range(5)]),
        "one alert": (lambda mark=mark: web.get(f"/alerts/{mark}") for mark in marks[:TIMES]),
        "acknowledge": (
            lambda id=each["id"]: web.post(f"/incidents/{id}/ack") for each in found[:TIMES]
        ),
    }


def _p95(asks: Iterator[Callable[[], httpx.Response]]) -> float | None:
    """None where there was nothing to ask."""
    took = []
    for ask in asks:
        began = time.perf_counter()
        ask().raise_for_status()
        took.append((time.perf_counter() - began) * 1e3)
    return sorted(took)[int(len(took) * 0.95)] if took else None


def _retention(installation: ours.Ours) -> dict[str, Any]:
    """What housekeeping does each day, here for some forty days at once."""
    began = time.perf_counter()
    installation.run("SELECT drop_partitions(current_date - %s::int)", [_KEPT_DAYS])
    took = (time.perf_counter() - began) * 1e3
    return bounds.Bound("retention: dropping the partitions of 40 days", 10_000, "ms").row(took)
