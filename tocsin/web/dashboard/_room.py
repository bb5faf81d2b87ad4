"""The facts of an incident: what its alerts have in common is said once, the rest in rows."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from schemas import api
from schemas import incident as schema
from tocsin.domain import telling

#: Of more alerts only these have a row; the API has them all.
ROWS = 50
#: Columns of labels that differ; what differs beyond is in the rows of the API.
COLUMNS = 4
#: Where it stands, so that it leads; names of what people look for first.
_FIRST = ("instance", "pod", "host", "service", "job", "namespace", "device", "mountpoint")
#: Facts and annotations that have a place of their own in the room.
_PLACED = ("runbook", "owner")


class Link(NamedTuple):
    """Somewhere else to look. `key`: of its words."""

    key: str
    address: str


class AlertRow(NamedTuple):
    """An alert by what tells it from the others."""

    fingerprint: str
    firing: bool
    severity: str
    since: datetime
    until: datetime | None
    values: tuple[str, ...]
    silenced: bool
    link: str


class Room(NamedTuple):
    """What stands beside the story."""

    firing: int
    common: Mapping[str, str]
    columns: tuple[str, ...]
    alerts: tuple[AlertRow, ...]
    more: int
    summary: str
    description: str
    owner: str
    anomaly: str
    links: tuple[Link, ...]
    facts: Mapping[str, str]


def of(detail: schema.IncidentDetail) -> Room:
    """The facts of what the API answers about an incident."""
    alerts = detail.alerts
    common = telling.common([each.labels for each in alerts])
    shared = telling.common([each.annotations for each in alerts])
    facts = {
        name: str(value)
        for name, value in telling.common([_plain(each.extra) for each in alerts]).items()
    }
    columns = _columns(alerts, common)
    runbook = facts.get("runbook") or shared.get("runbook_url", "")
    links = [Link("runbook", runbook), Link("dashboard", shared.get("dashboard_url", "")),
             Link("source", _source(alerts))]  # fmt: skip
    return Room(
        firing=sum(each.status == "firing" for each in alerts),
        common=dict(sorted(common.items())),
        columns=columns,
        alerts=tuple(sorted((_row(each, columns) for each in alerts[:ROWS]), key=_place)),
        more=max(0, detail.alerts_total - ROWS),
        summary=shared.get("summary", ""),
        description=shared.get("description", ""),
        owner=facts.get("owner") or common.get("team", ""),
        anomaly=anomaly(alerts),
        links=tuple(link for link in links if link.address.startswith(("http://", "https://"))),
        facts={k: v for k, v in facts.items() if k not in _PLACED},
    )


def commands(base: str, detail: schema.IncidentDetail, act: str) -> dict[str, str]:
    """The same by hand: as curl and as a command. The token stays a name in both."""
    url = f"{base.rstrip('/')}/api/v1/incidents/{detail.id}"
    bearer = '-H "Authorization: Bearer $TOCSIN_TOKEN"'
    return {
        "look": f"tocsin incident show {detail.id}",
        "act": f"tocsin incident {act} {detail.id}",
        "curl": f"curl -X POST {bearer} {shlex.quote(f'{url}/{act}')}",
    }


def anomaly(alerts: Sequence[Any]) -> str:
    """What is said of the most unusual of these alerts; empty where none of them is."""
    # Scores are of a part of the API that need not be there.
    scores = [score for each in alerts if (score := getattr(each, "score", None))]
    found = max((one for one in scores if one.anomaly), key=lambda one: one.value, default=None)
    return str(found.sentence) if found else ""


def _columns(alerts: Sequence[api.AlertItem], common: Mapping[str, str]) -> tuple[str, ...]:
    names = {name for each in alerts for name in each.labels if name not in common}

    def place(name: str) -> tuple[int, int, str]:
        first = _FIRST.index(name) if name in _FIRST else len(_FIRST)
        return first, -sum(name in each.labels for each in alerts), name

    return tuple(sorted(names, key=place)[:COLUMNS])


def _row(alert: api.AlertItem, columns: Sequence[str]) -> AlertRow:
    link = alert.generator_url
    return AlertRow(
        alert.fingerprint, alert.status == "firing", alert.severity, alert.starts_at,
        alert.ends_at, tuple(alert.labels.get(name, "") for name in columns),
        bool(alert.silenced_by or alert.muted_by),
        link if link.startswith(("http://", "https://")) else "",
    )  # fmt: skip


def _place(row: AlertRow) -> tuple[bool, tuple[str, ...]]:
    return not row.firing, row.values


def _source(alerts: Sequence[api.AlertItem]) -> str:
    return next((each.generator_url for each in alerts if each.generator_url), "")


def _plain(extra: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in extra.items() if not name.startswith("_")}
