"""What reports are made from: read from the rows of events, in a few statements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tocsin.domain import history
from tocsin.domain.cadence import Period
from tocsin.storage.record import Transaction

#: A page that takes longer was late, and so was anything else that took longer than the second.
LATE_PAGE, LATE = timedelta(minutes=1), timedelta(minutes=5)
#: Acts of people; "resolved" is one unless it came by itself, or because the policy changed.
ACTED = (
    "(t.kind IN ('acknowledged', 'taken_over', 'merged', 'split') OR (t.kind = 'resolved'"
    " AND t.actor NOT IN ('tocsin', 'the policy changed', 'its alerts moved to other groups')))"
)
INCIDENTS = f"""
SELECT i.id, i.title, i.severity, i.state, i.opened_at, i.resolved_at,
  min(t.at) FILTER (WHERE t.kind IN ('acknowledged', 'taken_over')) AS acknowledged_at,
  coalesce(bool_or({ACTED}), false) AS acted
FROM incident i LEFT JOIN timeline t ON t.tenant = i.tenant AND t.incident_id = i.id
WHERE i.tenant = %(tenant)s AND i.opened_at >= %(start)s AND i.opened_at < %(end)s
  AND i.merged_into IS NULL
GROUP BY i.tenant, i.id ORDER BY i.opened_at, i.id
"""
#: When it was to go out: held until the morning is not late, sent again by hand a day later is.
WANTED = "coalesce(d.wanted_at, d.created_at)"
#: How long it took, or has taken until now.
TOOK = f"coalesce(d.finished_at, %(now)s) - {WANTED}"
DELIVERIES = f"""
FROM delivery d WHERE d.tenant = %(tenant)s AND {WANTED} >= %(start)s
  AND {WANTED} < %(end)s AND d.state <> 'superseded'
"""
TOLD = f"SELECT count(*) AS n {DELIVERIES} AND d.state = 'sent'"
FAILURES = f"""
SELECT d.id, d.destination, d.state, {WANTED} AS created_at, d.finished_at, d.cause,
  (SELECT i.title FROM incident i WHERE i.tenant = d.tenant AND i.id = d.incident_id) AS title
{DELIVERIES} AND (d.state = 'dead'
  OR {TOOK} > CASE d.queue WHEN 'page' THEN %(page)s::interval ELSE %(late)s::interval END)
ORDER BY {WANTED}, d.id
"""
BREACHES = """
SELECT s.incident_id, s.target, s.clock, s.breached_at, i.title FROM service_level s
JOIN incident i ON i.tenant = s.tenant AND i.id = s.incident_id
WHERE s.tenant = %(tenant)s AND s.breached_at >= %(start)s AND s.breached_at < %(end)s
ORDER BY s.breached_at, s.incident_id, s.clock
"""
#: One thing that somebody was told of by several ways is one page.
PAGES = """
SELECT DISTINCT ON (d.integration_person, d.notification_id) d.id, d.integration_person AS person,
  d.finished_at AS at
FROM (SELECT *, split_part(substr(integration, 2), '/', 1) AS integration_person FROM delivery
      WHERE tenant = %(tenant)s AND state = 'sent' AND integration LIKE '@%%') d
JOIN notification n ON n.tenant = d.tenant AND n.id = d.notification_id
WHERE d.finished_at >= %(start)s AND d.finished_at < %(end)s
  AND n.reason NOT IN ('resolved', 'acknowledged')
ORDER BY d.integration_person, d.notification_id, d.finished_at, d.id
"""
EVENTS = """
SELECT e.id, e.fingerprint, e.kind, e.received_at,
  lead(e.kind) OVER w AS next_kind, lead(e.received_at) OVER w AS next_at
FROM alert_event e WHERE e.tenant = %(tenant)s AND e.received_at >= %(start)s
  AND e.received_at < %(end)s AND e.kind IN ('new', 'refired', 'resolved')
WINDOW w AS (PARTITION BY e.fingerprint ORDER BY e.id)
"""
ALERTS = f"""
WITH event AS ({EVENTS}), acted AS (
  SELECT DISTINCT unnest(n.events) AS id FROM notification n
  WHERE n.tenant = %(tenant)s AND n.created_at >= %(start)s AND EXISTS (
    SELECT FROM timeline t
    WHERE t.tenant = n.tenant AND t.incident_id = n.incident_id AND {ACTED}))
SELECT coalesce(a.labels::json->>'alertname', '') AS name, count(*) AS fired,
  count(*) FILTER (WHERE e.next_kind = 'resolved') AS ended,
  coalesce(sum(extract(epoch FROM e.next_at - e.received_at))
           FILTER (WHERE e.next_kind = 'resolved'), 0)::float8 AS seconds,
  percentile_disc(0.5) WITHIN GROUP (ORDER BY
    CASE e.next_kind WHEN 'resolved' THEN extract(epoch FROM e.next_at - e.received_at)::float8 END
  ) AS median,
  bool_or(x.id IS NOT NULL) AS acted
FROM event e JOIN alert a ON a.tenant = %(tenant)s AND a.fingerprint = e.fingerprint
LEFT JOIN acted x ON x.id = e.id
WHERE e.kind <> 'resolved' GROUP BY 1 ORDER BY 2 DESC, 1
"""
VOLUME = """
SELECT (e.received_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS n FROM alert_event e
WHERE e.tenant = %(tenant)s AND e.received_at >= %(start)s AND e.received_at < %(end)s
  AND e.kind IN ('new', 'refired') GROUP BY 1
"""


def read(tx: Transaction, tenant: int, period: Period, zones: Mapping[str, str]) -> history.Facts:
    """All that a report may tell of this time; `zones` is where each person lives."""
    values: dict[str, Any] = {
        "tenant": tenant, "start": period.starts_at, "end": period.ends_at, "zone": period.zone,
        "now": tx.now, "page": LATE_PAGE, "late": LATE,
    }  # fmt: skip
    told = tx.row(TOLD, values)
    return history.Facts(
        incidents=tuple(_incident(row) for row in tx.rows(INCIDENTS, values)),
        told=told["n"] if told else 0,
        failures=tuple(_failure(row) for row in tx.rows(FAILURES, values)),
        breaches=tuple(
            history.Breach(str(row["incident_id"]), row["title"], row["target"], row["clock"],
                           row["breached_at"])
            for row in tx.rows(BREACHES, values)
        ),
        pages=tuple(
            history.Page(str(row["id"]), row["person"], row["at"])
            for row in tx.rows(PAGES, values)
        ),
        alerts=tuple(history.Alerts(**row) for row in tx.rows(ALERTS, values)),
        volume={row["day"]: row["n"] for row in tx.rows(VOLUME, values)},
        zones=dict(zones),
    )  # fmt: skip


def _incident(row: dict[str, Any]) -> history.Incident:
    return history.Incident(**{**row, "id": str(row["id"])})


def _failure(row: dict[str, Any]) -> history.Failure:
    return history.Failure(**{**row, "id": str(row["id"]), "title": row["title"] or ""})
